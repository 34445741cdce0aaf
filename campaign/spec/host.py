"""CPU cores and GPUs of this machine, counted without importing a driver library."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from campaign.spec.planned_runs import Facts


def with_host_resources(facts: Facts) -> Facts:
    """`facts` with the CPU cores this process may use and the NVIDIA devices that are visible to it."""
    return replace(facts, cpus=float(_cpus()), gpus=float(len(visible_gpus())))


def _cpus() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """Names of the NVIDIA devices this process may see, as `CUDA_VISIBLE_DEVICES` has them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for part in visible.split(",") if (name := part.strip()) not in ("", "-1")]
    found = [
        int(device.name[6:]) for device in Path("/dev").glob("nvidia[0-9]*") if device.name[6:].isdigit()
    ]
    return [str(number) for number in sorted(found)]
