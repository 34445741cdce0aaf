"""The report as a versioned JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from campaign.analysis.verdict import Verdict
from campaign.json_documents import as_json
from campaign.redact import redact_strings
from campaign.report.campaign_record import RunEntry
from campaign.report.captions import submit_command
from campaign.report.contents import Contents, Panel
from campaign.report.figures import rounded
from campaign.report.finals import FinalValues
from campaign.report.sample_completions import SampleRow

VERSION = 1
"""Incremented when a key is removed or changes its meaning."""


@dataclass(frozen=True, slots=True)
class WrittenStanding:
    """Summary statistics of one condition; `low` and `high` are its minimum and maximum over the seeds."""

    condition: str
    runs: int
    done: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    difference: float | None
    pairs: int


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
    runs: tuple[WrittenRun, ...]
    verdicts: tuple[Verdict, ...]
    verdicts_refused: str | None
    """Why there are no verdicts; None when there are."""
    differences: Mapping[str, Mapping[str, str]]
    """Field -> condition -> value, for the fields in which the conditions differ."""
    check: Mapping[str, Any] | None
    """The result of the check, see `campaign schema check`; None when it was not recorded."""
    squeeze: Mapping[str, Any] | None
    curves: Mapping[str, Mapping[str, Curve]]
    """Metric -> condition -> curve."""
    samples: tuple[SampleRow, ...]
    provenance: Mapping[str, Any]
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
        conditions=tuple(
            WrittenStanding(
                line.condition,
                line.runs,
                line.done,
                rounded(line.mean),
                rounded(line.sd),
                rounded(line.low),
                rounded(line.high),
                rounded(line.difference),
                line.pairs,
            )
            for line in contents.summaries
        ),
        runs=tuple(_run(run, values) for run in record.runs),
        verdicts=tuple(contents.judgement.verdicts),
        verdicts_refused=contents.judgement.refused or None,
        differences={
            row.path: dict(zip(record.conditions, row.values, strict=True)) for row in contents.differences
        },
        check=record.check or None,
        squeeze=record.squeeze or None,
        curves={panel.name: _curves(panel) for panel in contents.panels if panel.is_curve},
        samples=contents.samples,
        provenance=record.provenance,
        command=submit_command(record),
        notes=tuple(record.notes),
    )
    return cast("dict[str, Any]", redact_strings(as_json(document)))


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
