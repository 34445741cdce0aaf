"""CPU cores and GPUs of this machine, counted without importing a driver library."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from campaign.spec.planned_runs import Facts


def with_host_resources(facts: Facts) -> Facts:
    """`facts` with the CPU cores this process may use and the NVIDIA devices that are visible to it."""
    return replace(facts, cpus=float(_cpus()), gpus=float(_gpus()))


def _cpus() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


def _gpus() -> int:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in ("", "-1")])
    return sum(1 for device in Path("/dev").glob("nvidia[0-9]*") if device.name[6:].isdigit())
