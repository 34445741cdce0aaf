"""The calibration judges as the verdicts do, and a small one holds its bounds."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from folders import runs_of

from campaign.analysis import kernels
from campaign.analysis.kernels import PerSeed
from campaign.analysis.sequential import plan_looks
from campaign.analysis.verdict import verdicts
from campaign.spec.hypotheses import Hypothesis, freeze


@pytest.fixture(scope="module")
def calibration() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "calibration.py"
    spec = importlib.util.spec_from_file_location("calibration", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibration"] = module
    spec.loader.exec_module(module)
    return module


def test_calibration_decides_each_campaign_as_its_verdict_does(calibration: ModuleType) -> None:
    rng = np.random.default_rng(2)
    per_run = calibration.simulate(rng, "skewed", (40, 2, 8), 0.3, effect=0.035).per_run
    d = per_run[:, 1] - per_run[:, 0]
    decided = calibration.recommended(d, kernels.paired_t(PerSeed(d)))
    said = []
    for baseline, candidate in per_run:
        (verdict,) = verdicts(runs_of({"a": baseline.tolist(), "b": candidate.tolist()}))
        said.append(verdict.comparison.recommendation != "insufficient_statistical_evidence")
    assert said == decided.tolist()
    assert 0 < sum(said) < 40


def test_calibration_decides_declared_looks_as_verdicts_do(calibration: ModuleType) -> None:
    rng = np.random.default_rng(3)
    per_run = calibration.simulate(rng, "normal", (40, 2, 16), 0.3, effect=0.035).per_run
    d = per_run[:, 1] - per_run[:, 0]
    first, last = plan_looks((8, 16))
    stopped = kernels.paired_t(PerSeed(d[:, :8])) < first.nominal
    found = stopped | (kernels.paired_t(PerSeed(d)) < last.nominal)
    frozen = freeze([Hypothesis(name="h", metric="correct_rate")], range(16), (8, 16))
    for row, (baseline, candidate) in enumerate(per_run):
        runs = runs_of({"a": baseline.tolist(), "b": candidate.tolist()}, frozen=frozen)
        comparison = verdicts(runs)[0].comparison
        assert comparison.p_sequential is not None
        assert (comparison.p_sequential < 0.05) == found[row]
    assert 0 < found.sum() < 40


@pytest.mark.parametrize("scenario", ["normal", "skewed", "collapsing", "unequal sd"])
def test_calibration_small_false_positives_stay_in_their_band(calibration: ModuleType, scenario: str) -> None:
    got = calibration.cell(scenario, 0.3, 8, 1000, seed=7)
    assert got.decided <= calibration.upper_band(1000)
    assert got.t <= calibration.upper_band(1000)
    assert got.coverage >= 0.92
    assert got.completions > 3 * got.t
