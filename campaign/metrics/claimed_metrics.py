"""Checks the `[[hypotheses]]` of a campaign against the metrics that its core declares to log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from campaign.errors import Problem, SpecError
from campaign.metrics.definitions import lookup
from campaign.metrics.logged_metrics import HELD_OUT, Absence, absence, metrics_are_declared
from campaign.spec.explain import dotted_path, toml_value
from campaign.spec.hypotheses import Hypothesis, Mechanism, read_hypotheses
from campaign.spec.planned_runs import Condition
from campaign.spec.positions import TomlPath
from campaign.spec.reading import Document, parse
from campaign.spec.spec import Spec


def require_logged_metrics(spec: Spec) -> None:
    """Raises `SpecError` with every hypothesis about a metric that some condition of it does not log, and with a
    headline metric that no condition logs.

    What is logged follows from the resolved conditions, so this is checked once the file is otherwise valid.
    """
    if not spec.hypotheses and spec.headline_metric is None:
        return
    document = parse(spec.text, str(spec.path))
    hypotheses = read_hypotheses(spec.hypotheses)
    problems = list(_problems_of_headline(spec, document))
    problems += [
        problem
        for number, hypothesis in enumerate(hypotheses)
        for problem in _problems_of(hypothesis, ("hypotheses", number), spec, document)
    ]
    if problems:
        raise SpecError(problems)


def _problems_of_headline(spec: Spec, document: Document) -> Iterator[Problem]:
    name = spec.headline_metric
    if name is None:
        return
    reasons = [absence(condition.config, name) for condition in spec.conditions]
    if reasons and all(reasons) and (why := reasons[0]):
        what = f"{toml_value(name)} is not logged by any condition: {why.reason}"
        yield _problem(what, why.fix, ("campaign", "headline_metric"), document)


def _problems_of(hypothesis: Hypothesis, at: TomlPath, spec: Spec, document: Document) -> Iterator[Problem]:
    compared = hypothesis.conditions_of([condition.label for condition in spec.conditions])
    conditions = [condition for condition in spec.conditions if condition.label in compared]
    measured: list[tuple[Hypothesis | Mechanism, TomlPath]] = [(hypothesis, at)]
    if hypothesis.mechanism is not None:
        measured.append((hypothesis.mechanism, (*at, "mechanism")))
    for claim, place in measured:
        name = _metric_read(claim, spec.conditions)
        missing = [
            (condition.label, why) for condition in conditions if (why := absence(condition.config, name))
        ]
        if missing:
            yield _not_logged(claim, name, missing, place, document)
        elif all(condition.config.uses_built_in_core for condition in conditions):
            yield from _against_the_schema(claim, name, place, document, weighted=bool(hypothesis.contrast))


def _metric_read(claim: Hypothesis | Mechanism, conditions: Sequence[Condition]) -> str:
    """The metric that the summary reads: the held-out one with `eval`, and with `auto` if any condition declares it."""
    held_out = claim.metric if claim.metric.startswith(HELD_OUT) else f"{HELD_OUT}{claim.metric}"
    if claim.summary == "eval":
        return held_out
    if claim.summary != "auto":
        return claim.metric
    configs = [condition.config for condition in conditions]
    evaluated = any(metrics_are_declared(config) and absence(config, held_out) is None for config in configs)
    return held_out if evaluated else claim.metric


def _not_logged(
    claim: Hypothesis | Mechanism,
    name: str,
    missing: Sequence[tuple[str, Absence]],
    at: TomlPath,
    document: Document,
) -> Problem:
    (label, why), others = missing[0], len(missing) - 1
    more = f" and {others} more" if others else ""
    what = f"{toml_value(claim.metric)} is not logged by {label}{more}"
    if name != claim.metric:
        what = f"the summary `{claim.summary}` reads {toml_value(name)}, which is not logged by {label}{more}"
    return _problem(f"{what}: {why.reason}", why.fix, (*at, "metric"), document)


def _against_the_schema(
    claim: Hypothesis | Mechanism, name: str, at: TomlPath, document: Document, *, weighted: bool
) -> Iterator[Problem]:
    """Claims that contradict what the schema says about the metric: its better direction, and its range."""
    metric = lookup(name)
    if metric is None:
        return
    if "direction" not in claim.model_fields_set and metric.direction not in ("none", claim.direction):
        yield _problem(
            f"{metric.direction} values of `{claim.metric}` are better, and the default direction is "
            f"{toml_value(claim.direction)}",
            f'write direction = "{metric.direction}", or direction = "{claim.direction}" if that is the claim',
            (*at, "metric"),
            document,
        )
    for key in ("min_effect", "threshold"):
        size = getattr(claim, key, None)
        # The weights of a contrast scale its difference, so its range is another.
        if metric.unit == "share" and not weighted and size is not None and size >= 1:
            yield _problem(
                f"is {size:g}, but `{claim.metric}` is a share between 0 and 1: no difference can exceed it",
                f"write {size / 100:g} for {size:g} percentage points",
                (*at, key),
                document,
            )


def _problem(message: str, hint: str, at: TomlPath, document: Document) -> Problem:
    return Problem(message, document.place(at, value=True), dotted_path(at), hint)
