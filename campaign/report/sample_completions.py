"""Sample completions of each condition: first step, last step, highest and lowest late reward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from campaign.folder.json_lines import read_jsonl
from campaign.redact import shown
from campaign.report.campaign_record import CampaignRecord, RunEntry

Moment = Literal["early", "late", "best", "worst"]
MOMENTS: Mapping[Moment, str] = {
    "early": "First step",
    "late": "Last step",
    "best": "Highest reward in the last quarter",
    "worst": "Lowest reward in the last quarter",
}
MAX_CHARACTERS = 1200
"""Longer prompts and completions are truncated."""
_COMPLETION_KEYS = ("completion", "generation", "response", "text", "output")


@dataclass(frozen=True, slots=True)
class Sample:
    condition: str
    seed: int
    step: int
    prompt: str
    completion: str
    reward: float | None
    correct: bool | None


@dataclass(frozen=True, slots=True)
class SampleRow:
    """The samples of one moment, one per condition that has one."""

    moment: Moment
    title: str
    samples: tuple[Sample, ...]


def sample_rows(record: CampaignRecord) -> tuple[SampleRow, ...]:
    """Samples of the first seed for which the most conditions have a log.

    The seed determines the order of the prompts, so at the first step all conditions have the same prompt,
    and at the last step if their runs are equally long.
    """
    logs = _logs(record)
    rows = []
    for moment, title in MOMENTS.items():
        samples = tuple(chosen for log in logs if (chosen := _choose(log, moment)) is not None)
        if samples:
            rows.append(SampleRow(moment, title, samples))
    return tuple(rows)


def _logs(record: CampaignRecord) -> list[list[Sample]]:
    by_seed: dict[int, list[list[Sample]]] = {}
    for seed in record.seeds:
        logs = [_read(run) for run in record.runs if run.seed == seed and not run.left_out]
        by_seed[seed] = [log for log in logs if log]
        if len(by_seed[seed]) == len(record.conditions):
            return by_seed[seed]
    return max(by_seed.values(), key=len, default=[])


def _read(run: RunEntry) -> list[Sample]:
    try:
        rows = read_jsonl(run.paths.emergence_generations)
        return [sample for row in rows if (sample := _sample(run, row)) is not None]
    except OSError:  # the samples illustrate the report; the run's record is read elsewhere
        return []


def _sample(run: RunEntry, row: Mapping[str, Any]) -> Sample | None:
    completion = next((row[key] for key in _COMPLETION_KEYS if isinstance(row.get(key), str)), None)
    step = row.get("step")
    if completion is None or not isinstance(step, int):
        return None
    reward, correct = row.get("reward"), row.get("correct", row.get("is_correct"))
    return Sample(
        run.condition, run.seed, step, _shortened(str(row.get("prompt") or "")), _shortened(completion),
        float(reward) if isinstance(reward, (int, float)) and isfinite(reward) else None,
        bool(correct) if isinstance(correct, (bool, int)) else None,
    )  # fmt: skip


def _choose(log: list[Sample], moment: Moment) -> Sample | None:
    first, last = log[0].step, max(sample.step for sample in log)
    if moment == "early":
        return log[0]
    if moment == "late":
        return next(sample for sample in log if sample.step == last) if last > first else None
    last_quarter = [sample for sample in log if sample.step >= last - (last - first) // 4]
    return _extreme(last_quarter, max if moment == "best" else min)


def _extreme(log: list[Sample], select: Callable[[set[float]], float]) -> Sample | None:
    """The latest sample with the highest or lowest reward; None when all rewards are equal."""
    rewards = {sample.reward for sample in log if sample.reward is not None}
    if len(rewards) < 2:
        return None
    reward = select(rewards)
    return next(sample for sample in reversed(log) if sample.reward == reward)


def _shortened(text: str) -> str:
    """Without secrets, which are looked for first: the rest of one that was cut has no form to know it by."""
    text = shown(text)
    excess = len(text) - MAX_CHARACTERS
    return text if excess <= 0 else f"{text[:MAX_CHARACTERS]} [{excess} more characters]"
