"""From files to verdicts: what must not matter does not, on disk as in memory."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folders import write_rows

from campaign.analysis.loading import load_runs
from campaign.analysis.verdict import verdicts

RNG = np.random.default_rng(21)
BASE = RNG.normal(0.4, 0.03, 8)
CURVES = {
    (condition, seed): BASE[seed] + effect + np.linspace(-0.2, 0.0, 100) + RNG.normal(0, 0.01, 100)
    for condition, effect in (("grpo", 0.0), ("maxrl", 0.03), ("sepa", 0.01))
    for seed in range(8)
}
Rows = list[dict[str, Any]]


def rows_of(condition: str, seed: int) -> Rows:
    curve = CURVES[condition, seed]
    return [
        {"step": s, "condition": condition, "seed": seed, "correct_rate": float(v)}
        for s, v in enumerate(curve)
    ]


def judged(
    folder: Path, change: Callable[[Rows], Rows] = list, name: str = "runs/{c}_s{s}/metrics.jsonl"
) -> Any:
    for condition, seed in CURVES:
        write_rows(folder / name.format(c=condition, s=seed), change(rows_of(condition, seed)))
    layout = name.format(c="{condition}", s="{seed}")
    return [
        (v.outcome, v.comparison.n, v.comparison.effect, v.comparison.p_adjusted, v.comparison.lower)
        for v in verdicts(load_runs(folder, layout))
    ]


def shuffled(rows: Rows) -> Rows:
    return random.Random(1).sample(rows, len(rows))


def doubled(rows: Rows) -> Rows:
    return rows + rows[40:] + rows[90:95]


def without_early_steps(rows: Rows) -> Rows:
    return [row for row in rows if row["step"] % 7 or row["step"] >= 90]


def with_another_metric(rows: Rows) -> Rows:
    return [{**row, "loss": float("nan"), "note": "text", "nested": {"a": 1}} for row in rows]


@pytest.mark.parametrize("change", [shuffled, doubled, without_early_steps, with_another_metric])
def test_changes_of_the_files_that_do_not_matter_leave_every_verdict(
    tmp_path: Path, change: Callable[[Rows], Rows]
) -> None:
    for was, now in zip(judged(tmp_path / "before"), judged(tmp_path / "after", change), strict=True):
        assert now[:2] == was[:2]
        assert now[2:] == pytest.approx(was[2:], rel=1e-9)


@pytest.mark.parametrize("name", ["{c}/{s}.jsonl", "seed_{s}/{c}/log.jsonl", "a/b/{c}-run-{s}/m.jsonl"])
def test_other_places_of_the_files_leave_every_verdict(tmp_path: Path, name: str) -> None:
    assert judged(tmp_path / "before") == judged(tmp_path / "after", name=name)


def test_missing_steps_in_the_window_keep_the_pairs_and_move_the_effect_little(tmp_path: Path) -> None:
    def thinned(rows: Rows) -> Rows:
        return [row for row in rows if row["step"] not in (92, 95)]

    for was, now in zip(judged(tmp_path / "before"), judged(tmp_path / "after", thinned), strict=True):
        assert now[1] == was[1]
        assert now[2] == pytest.approx(was[2], abs=0.005)


def test_one_shorter_run_is_dropped_and_the_other_pairs_stay(tmp_path: Path) -> None:
    judged(tmp_path)
    rows = rows_of("maxrl", 3)[:60]
    write_rows(tmp_path / "runs" / "maxrl_s3" / "metrics.jsonl", rows)
    verdict = verdicts(load_runs(tmp_path))[0]
    assert verdict.comparison.n == 7
    assert "ends at step 60 of 100" in verdict.comparison.dropped[3]
