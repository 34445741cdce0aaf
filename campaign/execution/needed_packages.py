"""What this installation lacks to execute a campaign's runs, known before anything starts."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from campaign.extras import BUILT_IN_CORE, problem_with
from campaign.metrics.sinks import SINKS
from campaign.spec.config import RunConfig


def missing_packages(
    configs: Iterable[RunConfig], backend: str | None, address: str | None = None
) -> list[str]:
    """One sentence for each use of a package that is not installed, with the command that installs it.

    `backend` is what executes the runs, None for neither Ray nor a campaign; `address` is that of a Ray cluster, whose
    machines need the packages of the core, and this one does not.
    """
    configs = tuple(configs)
    found = []
    if backend == "ray":
        way_out = "--backend local, which executes the runs without it"
        found.append(problem_with("the backend `ray`", "ray", hint=way_out))
    elsewhere = backend == "ray" and (address or configs[0].ray.address)
    if not elsewhere and any(_is_built_in(config) for config in configs):
        found.append(problem_with("the built-in core", *BUILT_IN_CORE))
    for name, module in SINKS.items():
        if any(_uses(module, config) for config in configs):
            found.append(problem_with(f"the metrics sink `{name}`", name, hint="take it out of [logging]"))
    return [problem for problem in found if problem]


def _is_built_in(config: RunConfig) -> bool:
    return config.core.command is None and config.core.entrypoint is None


def _uses(module: str, config: RunConfig) -> bool:
    """Whether the run mirrors its metrics into the sink of `module`. Settings that fail are reported by the mirror."""
    try:
        return import_module(module).settings(config) is not None
    except Exception:
        return False
