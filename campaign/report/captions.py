"""Sentences and formatted numbers that the page, the Markdown and the notebook share."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from campaign.folder.plan_document import plan_hash
from campaign.folder.run_record import section
from campaign.report.base_configuration import configurations
from campaign.report.campaign_record import CampaignRecord
from campaign.report.contents import Contents
from campaign.report.executed_proof import executed_proof
from campaign.spec.stale import stale_sentence

CANDIDATE_MINUS_BASELINE = "candidate - baseline"
"""The heading of every column of differences."""


def format_value(value: float | None) -> str:
    """A number in a table: three decimals below 10, else three significant digits; a dash for None and NaN."""
    if value is None or value != value:
        return "\N{EN DASH}"
    if value == 0 or 0.001 <= abs(value) < 10:
        return f"{value:.3f}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"


def format_signed(value: float | None) -> str:
    """A difference, with an explicit sign."""
    text = format_value(value)
    if value is None or value != value:
        return text
    return with_minus_sign(text) if value < 0 else f"+{text}"


def with_minus_sign(text: str) -> str:
    """Replaces the hyphen before each number by the minus sign."""
    return re.sub(r"(?<![\w.])-(?=[\d.])", "\N{MINUS SIGN}", text)


def overview(contents: Contents) -> str:
    """The size and the progress of the campaign."""
    record = contents.record
    steps = sorted({run.planned_steps for run in record.runs if run.planned_steps})
    length = f", {steps[0]} steps each" if len(steps) == 1 else ""
    return (
        f"{_count(len(record.conditions), 'condition')} \N{MULTIPLICATION SIGN} "
        f"{_count(len(record.seeds), 'seed')}{length}. "
        f"{record.count('done')} of {_count(len(record.runs), 'run')} done"
        f"{f', {len(record.stale)} stale' if record.stale else ''}."
    )


def difference_rule(contents: Contents) -> str:
    """Which condition is subtracted from which in the table and the figure; empty when nothing is compared."""
    if not contents.pairs:
        return ""
    design, first = contents.record.record.design, contents.pairs[0].baseline
    declared = bool(design.hypotheses or (design.frozen is not None and design.frozen.hypotheses))
    if declared and contents.judgement.verdicts:
        return (
            "Candidate and baseline are those of the hypotheses in this metric; any other condition is compared with "
            f"{first}."
        )
    why = "The hypotheses could not be tested" if declared else "No hypothesis was declared"
    return f"{why}: every condition is compared with {first}."


def banner(record: CampaignRecord) -> str:
    """A warning that the report is not final; empty when it is."""
    states = ("running", "pending", "lost", "interrupted", "failed", "short", "cancelled")
    parts = [f"{record.count(state)} {state}" for state in states if record.count(state)]  # type: ignore[arg-type]
    sentences = []
    if parts:
        active = any(record.count(state) for state in ("running", "pending", "lost"))
        head = "This campaign is not finished" if active else "Not every run completed"
        sentences.append(f"{head}: {', '.join(parts)}. All numbers are based on the data available so far.")
    return " ".join([*sentences, *([stale_warning(record)] if record.stale else [])])


def stale_warning(record: CampaignRecord) -> str:
    """The stale runs, and whether the numbers of the report include them."""
    verb, be, was = ("run has", "is", "was") if len(record.stale) == 1 else ("runs have", "are", "were")
    fate = (
        f"{was} included by request"
        if any(run.stale for run in record.record.runs)
        else f"{be} in no comparison, mean or figure"
    )
    return (
        f"{len(record.stale)} stale {verb} other settings than the plan and {fate}: "
        f"{stale_sentence(record.stale)}."
    )


def check_sentence(record: CampaignRecord) -> str:
    """What was compared between the conditions, and what was found; empty when nothing was."""
    return executed_proof(record).text


def submit_command(record: CampaignRecord) -> str:
    """The command that repeats the campaign, from the submitted spec or else from the copy in its folder."""
    spec = record.provenance.get("spec")
    name = spec if isinstance(spec, str) and spec else f"{record.folder.name}/campaign.toml"
    backend = record.provenance.get("backend")
    configured = {section(config, "execution").get("backend", backend) for config in configurations(record)}
    flags = ["--backend", backend] if isinstance(backend, str) and configured - {backend} else []
    return shlex.join(["campaign", "submit", name, *flags])


def configuration_rule(record: CampaignRecord) -> str:
    """Which fields the base configuration has, and who reads them."""
    words = (
        "The fields that have the same value in all conditions; the others are in the table of differences."
    )
    cores = [section(config, "core") for config in configurations(record)]
    names = [name for name in ("command", "entrypoint") if any(core.get(name) for core in cores)]
    if not names:
        return words
    program = " or ".join(f"core.{name}" for name in names)
    return (
        f"{words} {program} trains, and decides which of them it reads: a field in this table may be unused."
    )


def squeeze_table(record: CampaignRecord) -> dict[str, Any]:
    """The table of LoRA-Squeeze (retained variance per rank); empty when it is missing or malformed."""
    document = record.squeeze
    ranks = document.get("ranks")
    rows = [
        {"rank": row["rank"], "mean": float(row["mean_variance"]), "worst": float(row["min_variance"])}
        for row in (ranks if isinstance(ranks, list) else ())
        if isinstance(row, Mapping) and {"rank", "mean_variance", "min_variance"} <= row.keys()
    ]
    recommended = document.get("recommended_rank")
    if not rows or not isinstance(recommended, int):
        return {}
    return {"rows": rows, "rank": document.get("rank"), "recommended": recommended}


def provenance(record: CampaignRecord) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The facts about the origin of the runs, and the installed packages, each as (name, value) pairs."""
    tables = dict(record.provenance)
    packages = tables.pop("packages", None)
    facts = list(_flatten(tables))
    for number, earlier in enumerate(record.plan.earlier, start=1):
        kept = {key: value for key, value in earlier.items() if key in ("time", "git", "python")}
        facts += _flatten(kept, f"earlier submit {number} ")
    identities = {run.identity for run in record.plan.runs}
    if identities:
        facts.append(("runs planned", str(len(identities))))
        facts.append(("plan hash", f"sha256:{plan_hash(record.plan)}"))
    if not isinstance(packages, Mapping):
        return facts, []
    return facts, sorted((str(key), str(value)) for key, value in packages.items())


def _flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key} ")
        elif value is not None:
            yield f"{prefix}{key}".replace("_", " "), value if isinstance(value, str) else json.dumps(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
