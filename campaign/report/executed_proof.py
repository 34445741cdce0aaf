"""The proof of the conditions over the configurations that are recorded with the runs of a report.

The proof of a submit is about the plan of that submit. Runs of an earlier plan, or under a plan that was edited, may
have been executed with other configurations, so a report compares what the runs it shows were executed with, and claims
nothing about the conditions beyond it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from campaign.check.findings import CheckResult
from campaign.check.resolved_conditions import prove_resolved_conditions
from campaign.report.campaign_record import CampaignRecord, RunEntry
from campaign.report.differences import ABSENT, RUN_FIELDS, leaves

MOST_FIELDS = 8
"""Fields that one sentence names."""


@dataclass(frozen=True, slots=True)
class ExecutedProof:
    """What the recorded configurations of the runs say about the conditions."""

    verdict: str = ""
    """`proven`, `confound` or `mixed` (the runs of one condition differ); empty when nothing was compared."""
    runs: int = 0
    """Number of runs whose configurations were compared."""
    sentences: tuple[str, ...] = ()
    """What was compared and found, and what was not compared."""

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


@dataclass(frozen=True, slots=True)
class _Condition:
    label: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Plan:
    conditions: tuple[_Condition, ...]
    under_test: tuple[str, ...]


def executed_proof(record: CampaignRecord) -> ExecutedProof:
    """Compare the configurations of all runs that have data, within each condition and between the conditions."""
    shown = [run for run in record.runs if run.data is not None]
    runs = [run for run in shown if run.config]
    by_condition: dict[str, list[RunEntry]] = {}
    for run in runs:
        by_condition.setdefault(run.condition, []).append(run)
    if not runs or (len(by_condition) < 2 and len(record.conditions) < 2):
        return ExecutedProof(sentences=tuple(_recorded(record)))
    mixed = [sentence for label, of in by_condition.items() for sentence in _within(label, of)]
    result = _between(by_condition, record.plan.under_test)
    missing = len(shown) - len(runs)
    sentences = [
        *mixed,
        *_sentences(result, len(runs), record, claimed=not mixed),
        *([f"Without a recorded configuration: {missing} more."] if missing else []),
        *_recorded(record),
    ]
    verdict = "" if result is None or not record.plan.conditions else result.verdict
    return ExecutedProof("mixed" if mixed else verdict, len(runs), tuple(sentences))


def _between(by_condition: Mapping[str, list[RunEntry]], under_test: tuple[str, ...]) -> CheckResult | None:
    """The proof over every configuration that a run has; None when fewer than two conditions have runs."""
    if len(by_condition) < 2:
        return None
    conditions = [
        _Condition(label, json.loads(text))
        for label, runs in by_condition.items()
        for text in dict.fromkeys(json.dumps(_without_seed(run.config), default=str) for run in runs)
    ]
    return prove_resolved_conditions(_Plan(tuple(conditions), under_test))


def _without_seed(config: Mapping[str, Any]) -> dict[str, Any]:
    training = config.get("training")
    if not isinstance(training, Mapping):
        return dict(config)
    return {**config, "training": {key: value for key, value in training.items() if key != "seed"}}


def _within(label: str, runs: list[RunEntry]) -> Iterator[str]:
    """A sentence for a condition whose runs were executed with several configurations."""
    configs = {run.seed: dict(leaves(run.config)) for run in runs}
    paths = sorted({path for config in configs.values() for path in config} - RUN_FIELDS)
    parts = []
    for path in paths:
        seeds: dict[str, list[str]] = {}
        for seed, config in configs.items():
            seeds.setdefault(config.get(path, ABSENT), []).append(str(seed))
        if len(seeds) > 1:
            values = ", ".join(f"{value} (seed {', '.join(of)})" for value, of in seeds.items())
            parts.append(f"{path} = {values}")
    if parts:
        yield f"The runs of {label} were executed with different configurations: {_listed(parts)}."


def _sentences(
    result: CheckResult | None, runs: int, record: CampaignRecord, *, claimed: bool
) -> Iterator[str]:
    if result is None:
        return
    what = f"The recorded configurations of the {runs} runs shown"
    found = [finding for variant in result.variants for finding in variant.findings]
    outside = sorted({finding.path for finding in found if finding.kind in ("confound", "unproven")})
    if not record.plan.conditions:
        yield f"{what} were compared. No plan is recorded, which would say which fields are under test."
    elif outside:
        yield f"{what} also differ in {_listed(outside)}, outside the fields under test."
    elif not any(finding.kind == "under_test" for finding in found):
        yield f"{what} do not differ between the conditions."
    elif claimed:
        under_test = ", ".join(record.plan.under_test)
        yield f"{what} differ between the conditions only in the fields under test ({under_test})."
    if result.not_compared:
        yield f"Not compared: {result.not_compared}."


def _recorded(record: CampaignRecord) -> Iterator[str]:
    """What the submits recorded: each comparison of the last proof, and the reasons for running with a confound."""
    check = record.check
    found = {
        "proven": "proven",
        "confound": "a confound, a difference outside the fields under test",
        "unproven": "neither proven nor refuted",
    }
    for part in check.get("comparisons") or (check,):
        if isinstance(part, Mapping) and (answer := found.get(str(part.get("verdict")))):
            what = part.get("compared") or "the configurations of the files"
            yield f"At the last submit, {what} were compared ({part.get('name') or 'check'}): {answer}."
    if reason := check.get("allowed"):
        yield f"The runs were started in spite of the confound; the reason given: {reason}."
    for earlier in record.record.design.check.earlier:
        yield f"{earlier[0].upper()}{earlier[1:]}."


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - MOST_FIELDS} more" if len(items) > MOST_FIELDS else ""
    return "; ".join(items[:MOST_FIELDS]) + more
