"""Error rates and coverage of the verdicts in simulated campaigns with known effects.

Each campaign has conditions x seeds x steps x prompts x completions. Seeds have random effects that are
correlated between conditions, because seed n sees the same data in each; steps are AR(1) around them, and
completions are clustered by prompt. The verdicts use one value per run. Methods that pool steps or completions
over seeds are applied to the same campaigns for comparison.

    python benchmarks/calibration.py            # several minutes on one core
    python benchmarks/calibration.py --quick    # several seconds, wider bounds
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campaign.analysis import kernels
from campaign.analysis.attainability import MIN_PAIRS
from campaign.analysis.descriptive import fisher_exact
from campaign.analysis.kernels import PerSeed
from campaign.analysis.sequential import bounds, fractions, plan_looks

Floats = NDArray[np.float64]
Row = tuple[tuple[str, ...], str]
"""The cells of a row, and what it misses in words (empty when nothing)."""

ALPHA = 0.05
SEED_SD = 0.033
STEP_SD = 0.03
STEP_MEMORY = 0.7
PROMPT_SD = 0.2
WINDOW, PROMPTS, GROUP = 10, 8, 8
LEVEL = 0.5
EFFECT = 0.04
FISHER = 400
"""Campaigns of a cell that get Fisher's test too, which is slow."""
SIZES = (3, 5, 8, 16)
CORRELATIONS = (0.0, 0.3, 0.7)
SCENARIOS = ("normal", "skewed", "collapsing", "unequal sd", "skewed + unequal sd")
BEYOND = "skewed + unequal sd"
"""Differences that are themselves skewed: no test of their mean that small samples allow is exact here."""
CLOSER = 4
"""Cells near their bound get so many times as many campaigns: all of `BEYOND`, and all of two looks."""


@dataclass(frozen=True)
class Campaigns:
    """Simulated campaigns; axes: campaign, condition, seed (, step)."""

    steps: Floats
    correct: NDArray[np.int64]

    @property
    def per_run(self) -> Floats:
        return np.asarray(self.steps.mean(axis=-1))


def seed_effects(
    rng: np.random.Generator, scenario: str, shape: tuple[int, int, int], correlation: float
) -> Floats:
    """Effect of each (campaign, condition, seed), with mean zero in every condition."""
    campaigns, _, seeds = shape
    shared_shape = (campaigns, 1, seeds)
    skewed = scenario.startswith("skewed")

    def draw(size: tuple[int, ...]) -> Floats:
        return rng.exponential(1.0, size) - 1.0 if skewed else rng.normal(size=size)

    effects = np.sqrt(correlation) * draw(shared_shape) + np.sqrt(1.0 - correlation) * draw(shape)
    effects = SEED_SD * effects
    if scenario.endswith("unequal sd"):
        effects[:, 1:] *= 2.5
    if scenario == "collapsing":
        # The same seeds are at risk in every condition, as often as the conditions are alike.
        at_risk = np.where(
            rng.random(shape) < correlation, rng.random(shared_shape) < 0.1, rng.random(shape) < 0.1
        )
        effects = effects - 0.3 * at_risk + 0.03
    return np.asarray(effects)


def simulate(
    rng: np.random.Generator,
    scenario: str,
    shape: tuple[int, int, int],
    correlation: float,
    effect: float = 0.0,
) -> Campaigns:
    """The last steps of every run. `effect` is added to every condition but the first."""
    level = LEVEL + seed_effects(rng, scenario, shape, correlation)
    level[:, 1:] += effect
    noise = np.empty((*shape, WINDOW))
    noise[..., 0] = rng.normal(0.0, STEP_SD, shape)
    for step in range(1, WINDOW):
        fresh = rng.normal(0.0, STEP_SD * np.sqrt(1 - STEP_MEMORY**2), shape)
        noise[..., step] = STEP_MEMORY * noise[..., step - 1] + fresh
    rate = (level[..., None] + noise)[..., None] + rng.normal(0.0, PROMPT_SD, (*shape, WINDOW, PROMPTS))
    correct = rng.binomial(GROUP, np.clip(rate, 0.0, 1.0)).sum(axis=-1)
    return Campaigns(correct / (PROMPTS * GROUP), correct.sum(axis=-1))


def recommended(d: Floats, p: Floats, bound: float = ALPHA) -> NDArray[np.bool_]:
    """Whether each campaign is recommended or warned of: the t-test below its bound, the guard below .05, and
    six pairs."""
    decided = p < bound
    if d.shape[-1] < MIN_PAIRS:
        return np.zeros_like(decided)
    for row in np.flatnonzero(decided):  # the guard is needed, and computed, only where the t-test rejects
        decided[row] = kernels.sign_flip(PerSeed(d[row])) < ALPHA
    return decided


def pooled_steps(campaigns: Campaigns) -> float:
    """Share of campaigns in which a t-test over all steps of all seeds finds a difference."""
    flat = campaigns.steps.reshape(*campaigns.steps.shape[:2], -1)
    return float(np.mean(kernels.welch(PerSeed(flat[:, 0]), PerSeed(flat[:, 1]), 0.95)[0] < ALPHA))


def pooled_completions(campaigns: Campaigns, most: int) -> float:
    """The same for Fisher's exact test over all completions of all seeds, in the first `most` campaigns."""
    counts = campaigns.correct[:most].sum(axis=-1)
    total = campaigns.correct.shape[-1] * WINDOW * PROMPTS * GROUP
    found = [fisher_exact(int(a), total, int(b), total) < ALPHA for a, b in counts[:, :2]]
    return float(np.mean(found))


def blocks(total: int, block: int = 1000) -> Iterator[int]:
    for start in range(0, total, block):
        yield min(block, total - start)


@dataclass(frozen=True)
class Cell:
    """False positive rates and coverage of one scenario."""

    scenario: str
    correlation: float
    n: int
    t: float
    flip: float
    decided: float
    coverage: float
    steps: float
    completions: float


def cell(scenario: str, correlation: float, n: int, total: int, seed: int) -> Cell:
    rng = np.random.default_rng(seed)
    parts = []
    for size in blocks(total):
        null = simulate(rng, scenario, (size, 2, n), correlation)
        d = null.per_run[:, 1] - null.per_run[:, 0]
        p = kernels.paired_t(PerSeed(d))
        few = d if n < 16 else d[: max(1, size // 5)]
        flips = [float(kernels.sign_flip(PerSeed(row)) < ALPHA) for row in few]
        shifted = simulate(rng, scenario, (size, 2, n), correlation, EFFECT).per_run
        lower, upper = kernels.t_interval(PerSeed(shifted[:, 1] - shifted[:, 0]), 0.95)
        parts.append(
            (
                float(np.mean(p < ALPHA)),
                float(np.mean(flips)),
                float(np.mean(recommended(d, p))),
                float(np.mean((lower <= EFFECT) & (upper >= EFFECT))),
                pooled_steps(null),
                pooled_completions(null, max(50, FISHER * size // total)),
            )
        )
    return Cell(scenario, correlation, n, *(float(value) for value in np.mean(parts, axis=0)))


def family_wise(scenario: str, correlation: float, n: int, total: int, seed: int) -> tuple[float, ...]:
    """Five candidates that are no better: error of what is recommended, of what is recommended without the
    note on skewed differences, of Holm's t-test alone, and without correction."""
    rng = np.random.default_rng(seed)
    guarded, unmarked, alone, uncorrected = [], [], [], []
    for size in blocks(total):
        runs = simulate(rng, scenario, (size, 6, n), correlation).per_run
        d = runs[:, 1:] - runs[:, :1]
        p = kernels.paired_t(PerSeed(d))
        adjusted = kernels.holm(p)
        wrong = adjusted < ALPHA
        alone.append(np.mean(np.any(wrong, axis=-1)))
        uncorrected.append(np.mean(np.any(p < ALPHA, axis=-1)))
        if n >= MIN_PAIRS:
            for row, column in np.argwhere(wrong):
                wrong[row, column] = kernels.sign_flip(PerSeed(d[row, column])) < ALPHA
        else:
            wrong[:] = False
        guarded.append(np.mean(np.any(wrong, axis=-1)))
        straight = kernels.holm(kernels.skew_corrected(PerSeed(d))) < ALPHA
        unmarked.append(np.mean(np.any(wrong & straight, axis=-1)))
    return tuple(float(np.mean(found)) for found in (guarded, unmarked, alone, uncorrected))


def two_looks(scenario: str, correlation: float, total: int, seed: int) -> tuple[float, ...]:
    """Looks at 8 and 16 seeds: error of what is recommended; of the t-test at the declared bounds; retested at
    .05; adapted, with the last look at 12 to 32 seeds, chosen by what the first showed, and stages combined;
    coverage of the declared looks' intervals."""
    rng = np.random.default_rng(seed)
    looks = plan_looks((8, 16), ALPHA)
    critical = bounds(ALPHA, fractions((8, 16)))
    decided, declared, naive, adapted, covered = [], [], [], [], []
    for size in blocks(total):
        runs = simulate(rng, scenario, (size, 2, 32), correlation).per_run
        d = runs[:, 1] - runs[:, 0]
        p_first = kernels.paired_t(PerSeed(d[:, :8]))
        p_last = kernels.paired_t(PerSeed(d[:, :16]))
        stopped = p_first < looks[0].nominal
        decided.append(
            np.mean(
                recommended(d[:, :8], p_first, looks[0].nominal)
                | recommended(d[:, :16], p_last, looks[1].nominal)
            )
        )
        declared.append(np.mean(stopped | (p_last < looks[1].nominal)))
        naive.append(np.mean((p_first < ALPHA) | (p_last < ALPHA)))
        lower, upper = kernels.t_interval(PerSeed(d[:, :16]), 1.0 - looks[1].nominal)
        first_lower, first_upper = kernels.t_interval(PerSeed(d[:, :8]), 1.0 - looks[0].nominal)
        holds = np.where(stopped, (first_lower <= 0) & (first_upper >= 0), (lower <= 0) & (upper >= 0))
        covered.append(np.mean(holds))
        adapted.append(np.mean(stopped | _adapted(d, p_first, critical[1])))
    return tuple(float(np.mean(values)) for values in (decided, declared, naive, adapted, covered))


def _adapted(d: Floats, p_first: Floats, critical: float) -> NDArray[np.bool_]:
    """The tempting extension: few more seeds when the first look was close, many when it was not."""
    found = np.zeros(len(d), dtype=np.bool_)
    score = _scores(d[:, :8])
    for low, high, end in ((0.0, 0.1, 12), (0.1, 0.3, 20), (0.3, 1.1, 32)):
        chosen = (p_first >= low) & (p_first < high)
        if np.any(chosen):
            second = _scores(d[chosen, 8:end])
            found[chosen] = np.abs(score[chosen] + second) / np.sqrt(2.0) > critical
    return found


def _scores(d: Floats) -> Floats:
    from scipy.special import ndtri

    t = kernels.t_statistic(PerSeed(d))
    p = kernels.t_two_sided(t, d.shape[-1] - 1)
    return np.asarray(np.sign(t) * -ndtri(p / 2.0))


def upper_band(total: int, rate: float = ALPHA) -> float:
    """What a true rate stays below in 99 % of such simulations (two-sided band, its upper end)."""
    return float(rate + 2.576 * np.sqrt(rate * (1.0 - rate) / total))


@dataclass(frozen=True)
class Part:
    """One table of the benchmark: its rows, and the bounds that a row did not hold."""

    title: str
    columns: tuple[str, ...]
    rows: Iterator[Row]


def closer(scenario: str, total: int) -> int:
    return CLOSER * total if scenario == BEYOND else total


def single_tests(total: int) -> Iterator[Row]:
    design = [(s, c, n) for s in SCENARIOS for c in CORRELATIONS for n in SIZES]
    for number, (scenario, correlation, n) in enumerate(design):
        count = closer(scenario, total)
        band = upper_band(count)
        slack = 2.576 * np.sqrt(0.94 * 0.06 / count)
        got = cell(scenario, correlation, n, count, 1000 + number)
        rates = (f"{rate:.3f}" for rate in (got.t, got.flip, got.decided, got.coverage))
        pooled = (f"{rate:.2f}" for rate in (got.steps, got.completions))
        missed = []
        if max(got.decided, got.t) > band:
            missed.append(f"t-test {got.t:.4f}, recommended {got.decided:.4f}, one above {band:.4f}")
        if got.coverage < 0.94 - slack:
            missed.append(f"coverage {got.coverage:.4f} below .94")
        where = f"{scenario}, correlation {correlation}, n = {n}: " if missed else ""
        yield (scenario, f"{correlation}", f"{n}", *rates, *pooled), where + ", ".join(missed)


def families(total: int) -> Iterator[Row]:
    design = [(s, c, n) for s in SCENARIOS for c in CORRELATIONS for n in SIZES]
    for number, (scenario, correlation, n) in enumerate(design):
        count = closer(scenario, total)
        band = upper_band(count)
        guarded, unmarked, alone, plain = family_wise(scenario, correlation, n, count, 5000 + number)
        missed = ""
        if max(guarded, alone) > band:
            missed = (
                f"{scenario}, correlation {correlation}, n = {n}: family-wise {guarded:.4f} "
                f"({unmarked:.4f} without a note, {alone:.4f} by Holm alone), one above {band:.4f}"
            )
        rates = (f"{rate:.3f}" for rate in (guarded, unmarked, alone))
        yield (scenario, f"{correlation}", f"{n}", *rates, f"{plain:.2f}"), missed


def looks(total: int) -> Iterator[Row]:
    count = CLOSER * total
    band = upper_band(count)
    for number, (scenario, correlation) in enumerate((s, c) for s in SCENARIOS for c in CORRELATIONS):
        rates = two_looks(scenario, correlation, count, 9000 + number)
        decided, declared, _, adapted, _ = rates
        missed = (
            f"{scenario}, correlation {correlation}: two looks, recommended {decided:.4f}, "
            f"t-test {declared:.4f}, adapted {adapted:.4f}, one above {band:.4f}"
        )
        worst = max(decided, declared, adapted)
        yield (scenario, f"{correlation}", *(f"{r:.3f}" for r in rates)), missed if worst > band else ""


def show(part: Part) -> list[str]:
    """Prints a table row by row; returns what was missed."""
    sys.stdout.write(f"\n{part.title}\n\n| {' | '.join(part.columns)} |\n|{'---|' * len(part.columns)}\n")
    missed = []
    for cells, miss in part.rows:
        sys.stdout.write(f"| {' | '.join(cells)} |\n")
        sys.stdout.flush()
        missed += [miss] if miss else []
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--campaigns", type=int, help="simulated campaigns in each cell")
    asked = parser.parse_args()
    total = asked.campaigns or (200 if asked.quick else 6000)
    started = time.process_time()
    sys.stdout.write(
        f"{total} campaigns a cell, {CLOSER} times as many for two looks and where the seeds' effects are "
        f"{BEYOND}\n.05 stays below {upper_band(total):.4f} and {upper_band(CLOSER * total):.4f} in 99 % of "
        "such runs\n"
    )
    where = ("seeds' effects", "pair corr.")
    parts = (
        Part(
            "False positives at .05 where nothing differs, and coverage of the 95 % interval",
            (
                *where,
                "n",
                "paired t",
                "sign-flip",
                "recommended",
                "coverage",
                "pooled steps",
                "pooled completions",
            ),
            single_tests(total),
        ),
        Part(
            "Family-wise error with five candidates that are no better",
            (*where, "n", "recommended", "without a note", "Holm alone", "uncorrected"),
            families(total),
        ),
        Part(
            "Two looks, at 8 and 16 seeds, where nothing differs",
            (*where, "recommended", "t-test", "retested at .05", "adapted, combined", "coverage"),
            looks(total),
        ),
    )
    missed = [miss for part in parts for miss in show(part)]
    known = [miss for miss in missed if BEYOND in miss]
    unknown = [miss for miss in missed if BEYOND not in miss]
    sys.stdout.write(f"\n{time.process_time() - started:.0f} s of CPU time\n")
    if known:
        sys.stdout.write(f"\nKnown limit ({BEYOND}):\n" + "".join(f"- {miss}\n" for miss in known))
    held = "All bounds hold.\n" if not unknown else "Not held:\n" + "".join(f"- {miss}\n" for miss in unknown)
    sys.stdout.write("\n" + held)
    return 1 if unknown else 0


if __name__ == "__main__":
    raise SystemExit(main())
