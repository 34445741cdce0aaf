"""The sentences and numbers that the page, the Markdown and the notebook share."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from campaign.report.campaign_record import CampaignRecord
from campaign.report.contents import Contents

PROOFS = {
    "proven": "The check proved that the conditions differ in the fields under test and nowhere else.",
    "confound": "The check found a confound: the conditions differ outside the fields under test.",
    "unproven": "The check could not prove that the conditions differ in the fields under test alone.",
}
"""What the verdict of `campaign check` means."""


def figure(value: float | None) -> str:
    """A number of a table: three significant digits, at least three decimals below 1, a dash for none."""
    if value is None or value != value:
        return "\N{EN DASH}"
    if value == 0 or 0.001 <= abs(value) < 10:
        return f"{value:.3f}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"


def signed(value: float | None) -> str:
    """A difference: with its sign, and a true minus."""
    text = figure(value)
    if value is None or value != value:
        return text
    return minus(text) if value < 0 else f"+{text}"


def minus(text: str) -> str:
    """A true minus before a number instead of a hyphen."""
    return re.sub(r"(?<![\w.])-(?=[\d.])", "\N{MINUS SIGN}", text)


def lede(contents: Contents) -> str:
    """The campaign in one sentence."""
    record = contents.record
    steps = sorted({run.planned_steps for run in record.runs if run.planned_steps})
    length = f", {steps[0]} steps each" if len(steps) == 1 else ""
    return (
        f"{_count(len(record.conditions), 'condition')} \N{MULTIPLICATION SIGN} "
        f"{_count(len(record.seeds), 'seed')}{length}. "
        f"{record.count('done')} of {_count(len(record.runs), 'run')} done."
    )


def banner(record: CampaignRecord) -> str:
    """What keeps this report from being final; empty when nothing does."""
    if record.complete:
        return ""
    states = ("running", "pending", "lost", "interrupted", "failed", "cancelled")
    parts = [f"{record.count(state)} {state}" for state in states if record.count(state)]  # type: ignore[arg-type]
    going = any(record.count(state) for state in ("running", "pending", "lost"))
    head = "This campaign is not finished" if going else "Not every run reached its end"
    return f"{head}: {', '.join(parts)}. Numbers rest on what there is so far."


def proof_line(record: CampaignRecord) -> str:
    """What the check of the conditions came to, when it was recorded."""
    said = PROOFS.get(str(record.check.get("verdict")), "")
    reason = record.check.get("allowed")
    return f"{said} The runs were started all the same; the reason given: {reason}" if reason else said


def command(record: CampaignRecord) -> str:
    """What repeats the campaign: its spec as it was submitted, else the copy in its folder."""
    spec = record.provenance.get("spec")
    name = spec if isinstance(spec, str) and spec else f"{record.folder.name}/campaign.toml"
    return f"campaign submit {shlex.quote(name)}"


def squeeze(record: CampaignRecord) -> dict[str, Any]:
    """The variance table of LoRA-Squeeze; empty when there is none, or it is not as expected."""
    document = record.squeeze
    listed = document.get("ranks")
    rows = [
        {"rank": row["rank"], "mean": float(row["mean_variance"]), "worst": float(row["min_variance"])}
        for row in (listed if isinstance(listed, list) else ())
        if isinstance(row, Mapping) and {"rank", "mean_variance", "min_variance"} <= row.keys()
    ]
    known = isinstance(document.get("recommended_rank"), int)
    return (
        {"rows": rows, "rank": document.get("rank"), "recommended": document["recommended_rank"]}
        if rows and known
        else {}
    )


def provenance(record: CampaignRecord) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Facts about where the runs came from, and apart from them the installed packages."""
    tables = dict(record.provenance)
    packages = tables.pop("packages", None)
    facts = list(_flat(tables))
    identities = {run.identity for run in record.plan.runs}
    if identities:
        facts.append(("runs planned", str(len(identities))))
    listed = (
        sorted((str(key), str(value)) for key, value in packages.items())
        if isinstance(packages, Mapping)
        else []
    )
    return facts, listed


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key} ")
        elif value is not None:
            yield f"{prefix}{key}".replace("_", " "), value if isinstance(value, str) else json.dumps(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
