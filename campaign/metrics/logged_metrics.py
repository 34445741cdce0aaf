"""Which metrics a run with a given configuration logs, as far as its core declares them.

The built-in core declares its metrics by the schema (`campaign.metrics.definitions`); `_CONDITIONAL` says which of them
it logs only under some configurations. A command or an entry point declares its metrics as `core.metrics`; without
that, they are not known before its first run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from campaign.metrics.definitions import METRICS, Metric, lookup
from campaign.spec.config import SOURCES, RunConfig
from campaign.suggest import suggest

PROBLEM_TYPES = ("exact", "numeric", "option", "f1")
"""Of `train/accuracy_<type>`; the procedural sources have `exact` problems."""

HELD_OUT = "val/"
"""Prefix of the metrics of held-out evaluations."""


@dataclass(frozen=True, slots=True)
class Absence:
    """Why a run does not log a metric."""

    reason: str
    """A clause about the configuration."""
    fix: str


def metrics_are_declared(config: RunConfig) -> bool:
    """Whether it is known before the first run which metrics a run with this configuration logs."""
    return config.uses_built_in_core or config.core.metrics is not None


def absence(config: RunConfig, name: str) -> Absence | None:
    """Why a run with this configuration does not log the metric; None when it does, or when that is not known."""
    if config.uses_built_in_core:
        return _absence_from_built_in_core(config, name)
    if config.core.metrics is None or name in _declared(config):
        return None
    fix = suggest(name, _declared(config), "declared are")
    return Absence(
        "core.metrics does not list it", f"{fix}; core.metrics must list every metric that is tested"
    )


def _declared(config: RunConfig) -> tuple[str, ...]:
    return (*(config.core.metrics or ()), *(name for name in config.core.metrics_map if name != "step"))


def _absence_from_built_in_core(config: RunConfig, name: str) -> Absence | None:
    metric = lookup(name)
    if metric is None:
        fix = suggest(name, _logged_by_built_in_core(config), "it logs")
        return Absence("the built-in core has no metric of this name", fix)
    if metric.stage == "label":
        return Absence("it labels the rows and is not measured", "name a metric, for example `correct_rate`")
    return next(_absences(config, metric, name), None)


def _absences(config: RunConfig, metric: Metric, name: str) -> Iterator[Absence]:
    for applies, is_logged, reason, fix in _CONDITIONAL:
        if applies(metric) and not is_logged(config):
            yield Absence(reason, fix)
    value = _placeholder_value(metric, name)
    if "<source>" in metric.name and config.data.path is None and value not in config.data.sources:
        yield Absence(
            f"data.sources does not list `{value}`",
            suggest(value, config.data.sources, "the sources are"),
        )
    types = PROBLEM_TYPES if _has_own_problems(config) else PROBLEM_TYPES[:1]
    if "<type>" in metric.name and value not in types:
        yield Absence(f"there are no problems of the type `{value}`", suggest(value, types, "the types are"))


def _placeholder_value(metric: Metric, name: str) -> str:
    """What `name` has in the place of the placeholder of the metric's name."""
    before, _, rest = metric.name.partition("<")
    return name.removeprefix(before).removesuffix(rest.partition(">")[2])


def _has_own_problems(config: RunConfig) -> bool:
    """Whether problems come from the user's files or functions, so that they can be of any type."""
    return config.data.path is not None or any(source not in SOURCES for source in config.data.sources)


def _logged_by_built_in_core(config: RunConfig) -> list[str]:
    """The names of all metrics that a run logs, without those of problem types."""
    sources = config.data.sources if config.data.path is None else ()
    names = [
        metric.name.replace("<source>", source)
        for metric in METRICS
        for source in (sources if "<source>" in metric.name else ("",))
    ]
    return [name for name in names if "<" not in name and _absence_from_built_in_core(config, name) is None]


def _evaluated(metric: Metric) -> bool:
    return metric.stage == "evaluation" or metric.name == "eval_time_s"


_CONDITIONAL: tuple[tuple[Callable[[Metric], bool], Callable[[RunConfig], bool], str, str], ...] = (
    (
        _evaluated,
        lambda config: config.training.eval_every > 0,
        "training.eval_every is 0, so nothing is evaluated",
        "set training.eval_every, or choose a metric of the training steps and a summary such as `tail`",
    ),
    (
        _evaluated,
        lambda config: config.data.path is None or config.data.eval_path is not None,
        "data.path is given without data.eval_path, so there are no held-out prompts",
        "add data.eval_path, or choose a metric of the training steps and a summary such as `tail`",
    ),
    (
        lambda metric: metric.name in ("kl", "kl_coef"),
        lambda config: config.algorithm.kl_coef > 0,
        "algorithm.kl_coef is 0, so no KL divergence is computed",
        "choose another metric, or conditions with a KL term",
    ),
    (
        lambda metric: metric.name == "clip_fraction",
        lambda config: config.training.updates_per_batch > 1,
        "training.updates_per_batch is 1, so no ratio is clipped",
        "choose another metric, or more updates per batch",
    ),
    (
        lambda metric: metric.name.startswith("sepa_"),
        lambda config: config.uses_sepa,
        "its transform does not use SEPA",
        "choose another metric, or conditions with the transform gtpo_sepa",
    ),
    (
        lambda metric: metric.name.startswith("plan_entropy_"),
        lambda config: bool(config.algorithm.strategic_grams),
        "algorithm.strategic_grams is empty, so there are no planning tokens",
        "choose another metric, or list phrases",
    ),
)
"""Metrics that the built-in core logs only under some configurations: which, when, why not otherwise, and the fix."""
