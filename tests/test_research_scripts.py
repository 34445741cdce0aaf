"""The shipped campaign with hypotheses, looks and a mechanism, run at reduced size, and the scripts of this field on its
folder: they know nothing of this package and read files line by line."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import campaign

HERE = Path(__file__).parents[1]
STEPS = 6
SMALLER = {
    "_base.py": {"STEPS = 80": f"STEPS = {STEPS}", "BATCH = 8": "BATCH = 4", "GROUP = 8": "GROUP = 4",
                 '"eval_size": 64': '"eval_size": 4'},
    "campaign.toml": {"seeds = [42, 101, 202, 303, 404, 505, 606, 707]": "seeds = [42, 101]",
                      "looks = [8, 16]": "looks = [2, 4]", "min_pairs = 8": "min_pairs = 2",
                      "min_steps = 80": f"min_steps = {STEPS}", "tail:20": "tail:3"},
}  # fmt: skip

LEARNING_CURVES = """
import glob, json, statistics
import altair as alt

curves = {}
for run in sorted(glob.glob("campaigns/credit_assignment/runs/*")):
    rows = []
    with open(run + "/metrics.jsonl") as f:
        for line in f:
            rows.append(json.loads(line))
    curves.setdefault(rows[0]["condition"], []).append([row["correct_rate"] for row in rows])

points = []
for condition, seeds in curves.items():
    for i, values in enumerate(zip(*seeds)):
        mean, sd = statistics.mean(values), statistics.stdev(values)
        points.append({"condition": condition, "row": i, "mean": mean, "low": mean - sd, "high": mean + sd})

base = alt.Chart(alt.Data(values=points)).encode(x="row:Q", color="condition:N")
(base.mark_area(opacity=0.2).encode(y="low:Q", y2="high:Q") + base.mark_line().encode(y="mean:Q")).save("curves.png")
print(json.dumps(points))
"""
"""Mean and standard deviation over seeds, aligned by row number, as a PNG."""

EMERGENCE = """
import glob, json, statistics

def load(path):
    return [json.loads(line) for line in open(path)]

late = {"sepa": [], "hicra": []}
completions = 0
for run in sorted(glob.glob("campaigns/credit_assignment/runs/*")):
    steps = load(run + "/emergence/steps.jsonl")
    generations = load(run + "/emergence/generations.jsonl")
    completions += sum("completion" in g and g["num_tokens"] > 0 for g in generations)
    for name in late:
        if name in steps[0]["condition"]:
            late[name] += [s["exec_entropy_var"] for s in steps if FIRST <= s["step"] < LAST]

sepa, hicra = statistics.mean(late["sepa"]), statistics.mean(late["hicra"])
print(json.dumps({"sepa": sepa, "hicra": hicra, "reduction": 100 * (hicra - sepa) / hicra, "completions": completions}))
"""
"""The late mean of the entropy's variance under SEPA and HICRA, and the relative reduction in per cent."""

pytestmark = pytest.mark.slow


def run(folder: Path, *command: str, codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=400,
        env={**os.environ, "PYTHONPATH": str(HERE), "COLUMNS": "100"}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode in codes, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the finished campaign."""
    folder = tmp_path_factory.mktemp("research")
    study = folder / "conditions/credit_assignment"
    shutil.copytree(
        HERE / "conditions/credit_assignment", study, ignore=shutil.ignore_patterns("__pycache__")
    )
    for name, changes in SMALLER.items():
        text = (study / name).read_text(encoding="utf-8")
        for before, after in changes.items():
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        (study / name).write_text(text, encoding="utf-8")
    printed = run(
        folder, "-m", "campaign", "submit", "conditions/credit_assignment/campaign.toml", "--backend", "local"
    )
    assert "report:" in printed
    assert "no row of" not in printed
    return folder


@pytest.fixture(scope="module")
def metrics(folder: Path) -> Any:
    return campaign.open(folder / "campaigns/credit_assignment").metrics()


def test_declared_hypotheses_are_judged_with_their_mechanism_and_look(folder: Path) -> None:
    document = json.loads(
        run(folder, "-m", "campaign", "compare", "credit_assignment", "--json", codes=(0, 1, 3))
    )
    effect, other = document["verdicts"]
    assert effect["confirmatory"]
    assert other["confirmatory"]
    assert effect["hypothesis"] == "SEPA is more accurate than HICRA"
    assert effect["mechanism"]["metric"] == "exec_entropy_var"
    frozen = json.loads((folder / "campaigns/credit_assignment/frozen.json").read_text())
    assert frozen["looks"] == [2, 4]


def test_script_that_plots_learning_curves_by_row_number_gives_the_campaigns_numbers(
    folder: Path, metrics: Any
) -> None:
    points = json.loads(run(folder, "-c", LEARNING_CURVES))
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert len(points) == 5 * STEPS
    for point in points:
        rows = metrics.filter(condition=point["condition"], step=point["row"])
        rates = rows["correct_rate"].to_list()
        assert len(rates) == 2
        assert point["mean"] == pytest.approx(statistics.mean(rates))
        assert point["high"] - point["mean"] == pytest.approx(statistics.stdev(rates))


def test_script_that_compares_late_entropy_of_two_methods_gives_the_campaigns_numbers(
    folder: Path, metrics: Any
) -> None:
    script = EMERGENCE.replace("FIRST", str(STEPS // 2)).replace("LAST", str(STEPS))
    found = json.loads(run(folder, "-c", script))
    late = metrics.filter(metrics["step"] >= STEPS // 2)
    means = {
        name: late.filter(late["condition"].str.contains(name))["exec_entropy_var"].mean()
        for name in ("sepa", "hicra")
    }
    assert found["sepa"] == pytest.approx(means["sepa"])
    assert found["reduction"] == pytest.approx(100 * (1 - means["sepa"] / means["hicra"]))
    prompts_per_step, group = 2, 4
    assert found["completions"] == 10 * STEPS * prompts_per_step * group
