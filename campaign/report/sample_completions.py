"""Completions worth reading: the same prompt under each condition early and late, the best and the worst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from campaign.folder.json_lines import read_jsonl
from campaign.report.campaign_record import CampaignRecord, RunEntry

Moment = Literal["early", "late", "best", "worst"]
MOMENTS: Mapping[Moment, str] = {
    "early": "First step",
    "late": "Last step",
    "best": "Highest reward in the last quarter",
    "worst": "Lowest reward in the last quarter",
}
LONGEST = 1200
"""Characters of a text that are shown."""
_TEXT = ("completion", "generation", "response", "text", "output")


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
    """One moment, a sample for each condition that has one."""

    moment: Moment
    title: str
    samples: tuple[Sample, ...]


def sample_rows(record: CampaignRecord) -> tuple[SampleRow, ...]:
    """Samples from the first seed of which most conditions have a log. Early and late, all conditions show
    the same prompt where they were given the same: the seed fixes the order of the prompts."""
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
        logs = [_read(run) for run in record.runs if run.seed == seed]
        by_seed[seed] = [log for log in logs if log]
        if len(by_seed[seed]) == len(record.conditions):
            return by_seed[seed]
    return max(by_seed.values(), key=len, default=[])


def _read(run: RunEntry) -> list[Sample]:
    return [
        sample
        for row in read_jsonl(run.paths.emergence_generations)
        if (sample := _sample(run, row)) is not None
    ]


def _sample(run: RunEntry, row: Mapping[str, Any]) -> Sample | None:
    completion = next((row[key] for key in _TEXT if isinstance(row.get(key), str)), None)
    step = row.get("step")
    if completion is None or not isinstance(step, int):
        return None
    reward, correct = row.get("reward"), row.get("correct", row.get("is_correct"))
    return Sample(
        run.condition, run.seed, step, _short(str(row.get("prompt") or "")), _short(completion),
        float(reward) if isinstance(reward, (int, float)) else None,
        bool(correct) if isinstance(correct, (bool, int)) else None,
    )  # fmt: skip


def _choose(log: list[Sample], moment: Moment) -> Sample | None:
    first, last = log[0].step, max(sample.step for sample in log)
    if moment == "early":
        return log[0]
    if moment == "late":
        return next(sample for sample in log if sample.step == last) if last > first else None
    tail = [s for s in log if s.step >= last - (last - first) // 4 and s.reward is not None]
    rewards = {sample.reward for sample in tail}
    if len(rewards) < 2:
        return None
    wanted = max(rewards, key=float) if moment == "best" else min(rewards, key=float)  # type: ignore[arg-type]
    return next(sample for sample in reversed(tail) if sample.reward == wanted)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} [{len(text) - LONGEST} more characters]"
