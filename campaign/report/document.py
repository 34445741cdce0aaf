"""The report as a versioned JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from campaign.analysis.verdict import Verdict
from campaign.folder.plan_document import plan_hash
from campaign.json_documents import as_json
from campaign.redact import redact_strings
from campaign.report.base_configuration import base_configuration
from campaign.report.campaign_record import RunEntry
from campaign.report.captions import submit_command
from campaign.report.contents import ConditionSummary, Contents, Panel
from campaign.report.executed_proof import ExecutedProof
from campaign.report.factorial_effects import FactorialEffect, factorial_effects
from campaign.report.figures import rounded
from campaign.report.finals import FinalValues
from campaign.report.paired import PairedDifference
from campaign.report.sample_completions import SampleRow

VERSION = 1
"""Incremented when a key is removed or changes its meaning."""


@dataclass(frozen=True, slots=True)
class WrittenStanding:
    """Summary statistics of one condition; `low` and `high` are its minimum and maximum over the seeds.

    `difference` is the mean of this condition minus `baseline` over `pairs` seeds: the first entry of
    `paired_differences` whose candidate it is. All three are null or 0 for a condition that is only a baseline.
    """

    condition: str
    runs: int
    done: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    baseline: str | None
    difference: float | None
    pairs: int


@dataclass(frozen=True, slots=True)
class WrittenDifference:
    """Candidate minus baseline in the metric of the report."""

    label: str
    candidate: str
    baseline: str
    mean: float | None
    pairs: int
    """Number of pairs, or of runs in the smaller condition where runs are not paired by seed."""
    by_seed: Mapping[str, float | None]
    """Seed -> difference; empty where runs are not paired by seed."""


@dataclass(frozen=True, slots=True)
class WrittenRun:
    """One run and its final value; `value_so_far` is the preliminary value of an incomplete run."""

    id: str
    condition: str
    seed: int
    state: str
    attempts: int
    steps: int
    planned_steps: int | None
    value: float | None
    value_so_far: float | None
    error: str
    stale: tuple[str, ...]
    """The settings in which the run differs from the plan, each with both values. A stale run has no value."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Columns of equal length; `step` is the centre of the bin of steps that a point averages."""

    step: list[float] = field(default_factory=list)
    mean: list[float | None] = field(default_factory=list)
    low: list[float | None] = field(default_factory=list)
    high: list[float | None] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """The schema of `report.json`, which holds all data of the page."""

    version: int
    kind: str
    campaign: str
    complete: bool
    metric: str
    summary: str
    conditions: tuple[WrittenStanding, ...]
    paired_differences: tuple[WrittenDifference, ...]
    """The differences of the figure and the table, with the baselines that the hypotheses declare."""
    runs: tuple[WrittenRun, ...]
    verdicts: tuple[Verdict, ...]
    verdicts_refused: str | None
    """Why there are no verdicts; None when there are."""
    differences: Mapping[str, Mapping[str, str]]
    """Field -> condition -> value, for the fields in which the conditions differ."""
    executed: ExecutedProof
    """The comparison of the configurations that the runs shown were executed with."""
    check: Mapping[str, Any] | None
    """The result of the check, see `campaign schema check`; None when it was not recorded."""
    squeeze: Mapping[str, Any] | None
    curves: Mapping[str, Mapping[str, Curve]]
    """Metric -> condition -> curve."""
    samples: tuple[SampleRow, ...]
    configuration: Mapping[str, Any]
    """Dotted path -> value of the fields that have the same value in all conditions."""
    factorial_effects: tuple[FactorialEffect, ...]
    """Main effects and interaction of a 2 x 2 design; empty for any other design."""
    plan_sha256: str | None
    """Hash of what the plan declares; None without a plan."""
    provenance: Mapping[str, Any]
    earlier: tuple[Mapping[str, Any], ...]
    """The provenance of earlier submits, where it differs."""
    command: str
    """The command that repeats the campaign."""
    notes: tuple[str, ...]


def to_document(contents: Contents) -> dict[str, Any]:
    """The JSON form of `ReportDocument`."""
    record, values = contents.record, contents.final_values
    document = ReportDocument(
        version=VERSION,
        kind="campaign.report",
        campaign=record.name,
        complete=record.complete,
        metric=values.metric,
        summary=values.description,
        conditions=tuple(_standing(line) for line in contents.summaries),
        paired_differences=tuple(_difference(pair) for pair in contents.pairs),
        runs=tuple(_run(run, values) for run in record.runs),
        verdicts=tuple(contents.judgement.verdicts),
        verdicts_refused=contents.judgement.refused or None,
        differences={
            row.path: dict(zip(record.conditions, row.values, strict=True)) for row in contents.differences
        },
        executed=contents.executed,
        check=record.check or None,
        squeeze=record.squeeze or None,
        curves={panel.name: _curves(panel) for panel in contents.panels if panel.is_curve},
        samples=contents.samples,
        configuration=base_configuration(record),
        factorial_effects=factorial_effects(contents),
        plan_sha256=plan_hash(record.plan) if record.plan.runs else None,
        provenance=record.provenance,
        earlier=record.plan.earlier,
        command=submit_command(record),
        notes=tuple(record.notes),
    )
    return cast("dict[str, Any]", redact_strings(as_json(document)))


def _standing(line: ConditionSummary) -> WrittenStanding:
    first = next(iter(line.differences), None)
    return WrittenStanding(
        line.condition,
        line.runs,
        line.done,
        rounded(line.mean),
        rounded(line.sd),
        rounded(line.low),
        rounded(line.high),
        first.baseline if first is not None else None,
        rounded(first.mean) if first is not None else None,
        first.number if first is not None else 0,
    )


def _difference(pair: PairedDifference) -> WrittenDifference:
    by_seed = {str(seed): rounded(value) for seed, value in pair.by_seed.items()}
    return WrittenDifference(
        pair.label, pair.candidate, pair.baseline, rounded(pair.mean), pair.number, by_seed
    )


def _run(run: RunEntry, values: FinalValues) -> WrittenRun:
    return WrittenRun(
        run.id,
        run.condition,
        run.seed,
        run.state,
        run.attempts,
        run.steps,
        run.planned_steps,
        rounded(values.get(run)),
        rounded(values.preliminary(run)),
        run.error,
        run.stale,
    )


def _curves(panel: Panel) -> dict[str, Curve]:
    curves: dict[str, Curve] = {}
    for row in panel.figure.datasets["means"]:
        curve = curves.setdefault(str(row["condition"]), Curve())
        curve.step.append(row["step"])
        curve.mean.append(row["mean"])
        curve.low.append(row["low"])
        curve.high.append(row["high"])
        curve.seeds.append(row["seeds"])
    return curves
