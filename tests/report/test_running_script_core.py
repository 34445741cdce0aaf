"""A script core that is still running is read under our names, from its own metrics file, over all its attempts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from campaign.analysis.loading import load_runs
from campaign.report.campaign_record import read_campaign

LOGS = ('{"it": 0, "acc": 0.1}\n{"it": 1, "acc": 0.2}\n', '{"it": 1, "acc": 0.5}\n{"it": 2, "acc": 0.6}\n')


@pytest.fixture(params=["metrics.jsonl", "out/log.jsonl"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A campaign whose only run is in its second attempt."""
    run = tmp_path / "c" / "runs" / "base_s7"
    for number, log in enumerate(LOGS, 1):
        path = run / "attempts" / f"{number:04d}" / request.param
        path.parent.mkdir(parents=True)
        path.write_text(log)
        (run / "attempts" / f"{number:04d}" / "start.json").write_text(json.dumps({"first_step": number - 1}))
    (run / "config.toml").write_text(
        'condition = "base"\n[training]\nseed = 7\nmax_steps = 10\n[core]\ncommand = ["python", "train.py"]\n'
        f'metrics_file = "{request.param}"\nmetrics_map = {{ step = "it", correct_rate = "acc" }}\n'
    )
    (run / "metrics.jsonl").symlink_to(f"attempts/0002/{request.param}")
    return tmp_path / "c"


def test_analysis_of_a_running_script_core_has_its_steps_and_metrics(folder: Path) -> None:
    (run,) = load_runs(folder).runs
    assert (run.id, run.state, run.steps.tolist()) == ("base_s7", "running", [0, 1, 2])
    assert run.metrics["correct_rate"].tolist() == [0.1, 0.5, 0.6]
    assert run.metrics["acc"].tolist() == [0.1, 0.5, 0.6]


def test_report_of_a_running_script_core_has_its_steps_and_metrics(folder: Path) -> None:
    (run,) = read_campaign(folder).runs
    assert (run.state, run.steps) == ("running", 3)
    assert run.data is not None
    assert run.data.metrics["correct_rate"].tolist() == [0.1, 0.5, 0.6]
