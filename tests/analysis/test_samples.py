"""Pooling steps or completions over seeds is impossible: by type, and at run time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from campaign.analysis import kernels
from campaign.analysis.samples import Differences, SeedSample, pair
from campaign.analysis.significance import paired_t, sign_flip, welch

POOLED = np.random.default_rng(0).normal(size=300)

MISUSES = {
    "paired_t of an array": "paired_t(pooled)",
    "sign_flip of an array": "sign_flip(pooled)",
    "welch of two arrays": "welch(pooled, pooled)",
    "pair of two arrays": "pair(pooled, pooled)",
    "welch of lists": "welch([0.1, 0.2], [0.2, 0.3])",
    "a sample of an array": 'SeedSample("a", pooled)',
    "a sample of arrays": 'SeedSample("a", {1: pooled})',
    "differences of an array": 'Differences("b - a", pooled)',
    "a kernel of an array": "kernels.paired_t(pooled)",
    "a test of one sample instead of differences": 'paired_t(SeedSample("a", {1: 0.5}))',
}


@pytest.mark.slow
def test_pooled_array_handed_to_any_test_does_not_type_check(tmp_path: Path) -> None:
    head = dedent("""
        import numpy as np
        from numpy.typing import NDArray
        from campaign.analysis import kernels
        from campaign.analysis.samples import Differences, SeedSample, pair
        from campaign.analysis.significance import paired_t, sign_flip, welch

        pooled: NDArray[np.float64] = np.zeros(300)
    """)
    lines = [f"{use}  # misuse" for use in MISUSES.values()]
    fine = 'paired_t(pair(SeedSample("a", {1: 0.5}), SeedSample("b", {1: 0.6})))'
    source = tmp_path / "misuse.py"
    source.write_text("\n".join([head, *lines, fine, ""]), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(source)]
    root = Path(__file__).parents[2]
    said = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False).stdout
    wrong = {
        int(line.split(":")[1]) for line in said.splitlines() if "misuse.py" in line and ": error:" in line
    }
    text = source.read_text(encoding="utf-8").splitlines()
    assert wrong == {number for number, line in enumerate(text, start=1) if line.endswith("# misuse")}, said


@pytest.mark.parametrize(
    "use",
    [
        lambda: paired_t(POOLED),
        lambda: sign_flip(POOLED),
        lambda: welch(POOLED, POOLED),
        lambda: pair(POOLED, POOLED),
        lambda: SeedSample("a", POOLED),
        lambda: SeedSample("a", {1: POOLED}),
        lambda: SeedSample("a", {1: [0.1, 0.2]}),
        lambda: SeedSample("a", {"step 1": 0.5}),
        lambda: Differences("b - a", POOLED),
    ],
)
def test_pooled_array_handed_to_any_test_is_refused_at_run_time(use: Any) -> None:
    with pytest.raises(TypeError):
        use()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_sample_number_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        SeedSample("a", {1: value})


def test_sample_seed_with_a_number_and_a_reason_for_none_is_refused() -> None:
    with pytest.raises(ValueError, match="both"):
        SeedSample("a", {1: 0.5}, missing={1: "failed"})


def test_sample_numpy_scalars_are_numbers() -> None:
    assert SeedSample("a", {1: np.float32(0.5), 2: 1}).mean == pytest.approx(0.75)


def test_kernels_take_arrays_marked_as_one_number_for_each_seed() -> None:
    assert kernels.paired_t(kernels.PerSeed(np.array([0.1, 0.2, 0.15, 0.3]))) < 0.05
