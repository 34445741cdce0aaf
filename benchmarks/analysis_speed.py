"""Speed of verdicts: the statistical tests, and reading the runs.

    python benchmarks/analysis_speed.py

The tests are compared with those of scipy, called one by one on the same numbers; reading is compared with
`json.loads` line by line.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from campaign.analysis.loading import load_runs
from campaign.analysis.runs import Run, Runs
from campaign.analysis.samples import Differences
from campaign.analysis.significance import sign_flip
from campaign.analysis.verdict import verdicts
from campaign.folder.json_lines import read_jsonl
from campaign.spec.hypotheses import Hypothesis

SEEDS, CANDIDATES, METRICS = 8, 10, 5
RUNS, STEPS, COLUMNS = 200, 500, 24


def campaign(rng: np.random.Generator) -> Runs:
    """Eleven conditions, five metrics, eight seeds, 100 steps."""
    return Runs(
        tuple(
            Run(
                f"c{condition}",
                seed,
                np.arange(100),
                {f"m{metric}": rng.normal(0.5, 0.05, 100) for metric in range(METRICS)},
            )
            for condition in range(CANDIDATES + 1)
            for seed in range(SEEDS)
        )
    )


def write_runs(folder: Path, rng: np.random.Generator) -> int:
    """200 runs of 500 steps with 24 metrics each, as a trainer writes them; returns the bytes."""
    size = 0
    for run in range(RUNS):
        condition, seed = f"c{run // 20}", run % 20
        path = folder / "runs" / f"{condition}_s{seed}" / "metrics.jsonl"
        path.parent.mkdir(parents=True)
        values = rng.random((STEPS, COLUMNS)).tolist()
        head = {"condition": condition, "seed": seed}
        rows = (
            {"step": step, **head, **{f"group/metric_{c}": v for c, v in enumerate(row)}}
            for step, row in enumerate(values)
        )
        text = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_text(text, encoding="utf-8")
        size += len(text)
    return size


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds, the best of three."""
    best = (float("inf"), float("inf"))
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    return best


def main() -> int:
    rng = np.random.default_rng(0)
    say = sys.stdout.write
    runs = campaign(rng)
    made = [Hypothesis(name=f"h{metric}", metric=f"m{metric}", baseline="c0") for metric in range(METRICS)]
    started = time.process_time()
    verdicts(runs, made)
    first = time.process_time() - started
    wall, cpu = timed(lambda: verdicts(runs, made))
    say(f"{CANDIDATES} pairs x {METRICS} metrics, exact tests and intervals, n = {SEEDS}: ")
    say(f"{wall:.3f} s wall, {cpu:.3f} s CPU; {first:.3f} s CPU the first time, with scipy's import\n")

    from scipy import stats

    samples = [rng.normal(0.0, 1.0, SEEDS) for _ in range(CANDIDATES * METRICS)]
    ours = timed(lambda: [sign_flip(Differences("d", dict(enumerate(d.tolist())))) for d in samples])[1]

    def permuted() -> None:
        for d in samples:
            stats.permutation_test(
                (d,), lambda x, axis: np.mean(x, axis=axis), permutation_type="samples", vectorized=True
            )

    theirs = timed(permuted)[1]
    say(f"exact sign-flip with interval: {1e6 * ours / len(samples):.0f} us each; scipy's permutation_test ")
    say(f"without an interval takes {theirs / ours:.1f} times as long\n")

    with tempfile.TemporaryDirectory() as folder:
        size = write_runs(Path(folder), rng)
        wall, cpu = timed(lambda: load_runs(Path(folder)))
        paths = sorted(Path(folder).glob("runs/*/metrics.jsonl"))
        plain = timed(lambda: [list(read_jsonl(path)) for path in paths])
        say(f"loading {RUNS} runs x {STEPS} steps x {COLUMNS} metrics ({size / 1e6:.0f} MB): ")
        say(f"{wall:.2f} s wall, {cpu:.2f} s CPU; ")
        say(f"json.loads line by line takes {plain[0] / wall:.1f} times as long\n")
        frame_wall, frame_cpu = timed(lambda: load_runs(Path(folder)).frame())
        say(f"the same as one polars frame: {frame_wall:.2f} s wall, {frame_cpu:.2f} s CPU\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
