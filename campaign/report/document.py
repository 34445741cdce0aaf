"""The report as one versioned JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from campaign.report.contents import Contents, Panel
from campaign.report.figures import rounded
from campaign.report.words import command

VERSION = 1


def to_document(contents: Contents) -> dict[str, Any]:
    """Everything the page shows, without the look: `schema` and `version` first."""
    record, final = contents.record, contents.finals
    return {
        "schema": "campaign.report",
        "version": VERSION,
        "campaign": record.name,
        "complete": record.complete,
        "metric": final.metric,
        "summary": final.how,
        "conditions": [
            {
                "condition": line.condition,
                "runs": line.runs,
                "done": line.done,
                "mean": rounded(line.mean),
                "sd": rounded(line.sd),
                "low": rounded(line.low),
                "high": rounded(line.high),
                "difference": rounded(line.difference),
                "pairs": line.pairs,
            }
            for line in contents.standings
        ],
        "runs": [
            {
                "id": run.id,
                "condition": run.condition,
                "seed": run.seed,
                "state": run.state,
                "attempts": run.attempts,
                "steps": run.steps,
                "planned_steps": run.planned_steps,
                "value": rounded(final.get(run)),
                "value_so_far": rounded(final.preliminary(run)),
                "error": run.error,
            }
            for run in record.runs
        ],
        "verdicts": [verdict.to_json() for verdict in contents.judgement.verdicts],
        "verdicts_refused": contents.judgement.refused or None,
        "differences": {
            row.path: dict(zip(record.conditions, row.values, strict=True)) for row in contents.differences
        },
        "check": dict(record.check) or None,
        "squeeze": dict(record.squeeze) or None,
        "curves": {panel.name: _curve(panel) for panel in contents.panels if panel.is_curve},
        "samples": [asdict(row) for row in contents.samples],
        "provenance": dict(record.provenance),
        "command": command(record),
        "notes": list(record.notes),
    }


def _curve(panel: Panel) -> dict[str, Any]:
    """Columns by condition; `step` is the middle of the steps that a point is the mean of."""
    columns: dict[str, Any] = {}
    for row in panel.figure.datasets["means"]:
        curve = columns.setdefault(
            str(row["condition"]), {"step": [], "mean": [], "low": [], "high": [], "seeds": []}
        )
        for name, values in curve.items():
            values.append(row[name])
    return columns
