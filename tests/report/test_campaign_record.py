"""What a report reads: any folder a campaign can leave behind."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from synthetic import make_campaign

from campaign.errors import UsageError
from campaign.report.campaign_record import read_campaign
from campaign.report.curves import curves
from campaign.report.differences import differences
from campaign.report.finals import final_values
from campaign.report.parallel import parallel_coordinates
from campaign.report.sample_completions import sample_rows


def test_read_campaign_of_a_finished_campaign_has_every_run_in_the_order_of_the_plan(tmp_path: Path) -> None:
    record = read_campaign(make_campaign(tmp_path / "c", steps=20))
    assert record.conditions == ("grpo+none", "grpo+none~kl_coef=0.1")
    assert [(run.condition, run.seed) for run in record.runs] == [
        (label, seed) for label in record.conditions for seed in (42, 101, 202)
    ]
    assert all((run.state, run.steps, run.planned_steps) == ("done", 20, 20) for run in record.runs)


@pytest.mark.parametrize("state", ["running", "failed", "pending"])
def test_read_campaign_shows_the_state_of_a_run(tmp_path: Path, state: str) -> None:
    folder = make_campaign(tmp_path / "c", steps=30, states={"grpo+none_s42": state})
    run = read_campaign(folder).runs[0]
    assert run.state == state
    assert run.steps == (0 if state == "pending" else 10)
    assert ("not finite" in run.error) == (state == "failed")


def test_read_campaign_calls_an_attempt_without_a_heartbeat_lost(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=30, states={"grpo+none_s42": "running"})
    assert read_campaign(folder, now=time.time() + 3600).runs[0].state == "lost"


@pytest.mark.parametrize("state", ["pending", "failed"])
def test_read_campaign_shows_a_run_that_was_cancelled_before_or_between_its_attempts(
    tmp_path: Path, state: str
) -> None:
    folder = make_campaign(tmp_path / "c", steps=30, states={"grpo+none_s42": state})
    (folder / "runs" / "grpo+none_s42" / "CANCEL").touch()
    assert read_campaign(folder).runs[0].state == "cancelled"


def test_read_campaign_without_a_plan_uses_the_folders(tmp_path: Path) -> None:
    record = read_campaign(make_campaign(tmp_path / "c", steps=20, plan=False))
    assert len(record.runs) == 6
    assert set(record.conditions) == {"grpo+none", "grpo+none~kl_coef=0.1"}


def test_read_campaign_without_configurations_takes_condition_and_seed_from_the_name(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=20, plan=False)
    for config in folder.glob("runs/*/config.toml"):
        config.unlink()
    assert {(run.condition, run.seed) for run in read_campaign(folder).runs} >= {("grpo+none", 42)}


def test_read_campaign_before_the_first_row_has_pending_runs(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=20)
    shutil.rmtree(folder / "runs")
    record = read_campaign(folder)
    assert {run.state for run in record.runs} == {"pending"}
    assert final_values(record).values == {}


def test_read_campaign_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        read_campaign(tmp_path / "none")
    with pytest.raises(UsageError, match="no runs"):
        read_campaign(tmp_path)


def test_read_campaign_ignores_a_damaged_plan_document(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=20)
    (folder / "check.json").write_text("{")
    (folder / "squeeze.json").write_text("[]")
    assert read_campaign(folder).check == {}


def test_finals_leaves_runs_that_are_not_complete_out_and_shows_them_apart(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=60, states={"grpo+none_s42": "running"})
    record = read_campaign(folder)
    final = final_values(record)
    assert final.metric == "val/correct_rate"
    assert set(final.of("grpo+none")) == {101, 202}
    assert set(final.preliminary_values) == {("grpo+none", 42)}
    assert final.preliminary(record.runs[0]) is not None


def test_curves_bin_long_runs_and_keep_the_mean_of_every_run(tmp_path: Path) -> None:
    record = read_campaign(make_campaign(tmp_path / "c", seeds=(1, 2), steps=250))
    found = curves(record, "correct_rate", 100)
    assert found is not None
    assert found.width == 3
    assert len(found.steps) == 84
    run = next(run for run in record.runs if run.data is not None)
    assert run.data is not None
    assert found.seeds[0].values[0] == pytest.approx(run.data.metrics["correct_rate"][:3].mean())


def test_curves_of_runs_of_different_length_carry_a_note(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=60, states={"grpo+none_s42": "running"})
    found = curves(read_campaign(folder), "correct_rate")
    assert found is not None
    assert found.uneven
    assert found.conditions[0].count.tolist() == [3] * 20 + [2] * 40


def test_curves_of_a_metric_that_no_run_has_are_none(tmp_path: Path) -> None:
    assert curves(read_campaign(make_campaign(tmp_path / "c", steps=10)), "nothing") is None


def test_differences_name_the_fields_in_which_conditions_differ_and_nothing_else(tmp_path: Path) -> None:
    found = differences(read_campaign(make_campaign(tmp_path / "c", steps=10)))
    assert [(row.path, row.values, row.under_test) for row in found] == [
        ("algorithm.kl_coef", ("0.0", "0.1"), True)
    ]


def test_differences_mark_a_field_that_was_not_declared(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=10)
    for path in folder.glob("runs/grpo+none~*/config.toml"):
        path.write_text(path.read_text().replace("lr = 0.0003", "lr = 0.001"))
    plan = json.loads((folder / "plan.json").read_text())
    plan["conditions"][1]["config"]["training"]["lr"] = 0.001
    (folder / "plan.json").write_text(json.dumps(plan))
    found = {row.path: row.under_test for row in differences(read_campaign(folder))}
    assert found == {"algorithm.kl_coef": True, "training.lr": False}


def test_sample_rows_show_each_condition_once_a_moment(tmp_path: Path) -> None:
    rows = sample_rows(read_campaign(make_campaign(tmp_path / "c", steps=40)))
    assert [row.moment for row in rows] == ["early", "late", "best", "worst"]
    for row in rows:
        assert [sample.condition for sample in row.samples] == ["grpo+none", "grpo+none~kl_coef=0.1"]
    best, worst = rows[2].samples[0], rows[3].samples[0]
    assert (best.reward, worst.reward) == (1.0, 0.0)


def test_sample_rows_without_a_log_are_empty(tmp_path: Path) -> None:
    assert sample_rows(read_campaign(make_campaign(tmp_path / "c", steps=10, generations=False))) == ()


def test_read_campaign_survives_links_that_lead_nowhere(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=30, states={"grpo+none_s42": "running"})
    os.unlink(folder / "runs" / "grpo+none_s42" / "attempts" / "0001" / "metrics.jsonl")
    run = read_campaign(folder).runs[0]
    assert (run.state, run.steps) == ("running", 0)


def _grid(folder: Path) -> Path:
    conditions = {
        f"{mode}~lr={lr}": {"algorithm": {"advantage_mode": mode}, "training": {"lr": lr}}
        for mode in ("grpo", "maxrl")
        for lr in (1e-4, 3e-4)
    }
    return make_campaign(folder, conditions, seeds=(1, 2), steps=10)


def test_parallel_coordinates_place_numbers_in_proportion_and_a_line_for_each_run(tmp_path: Path) -> None:
    record = read_campaign(_grid(tmp_path / "c"))
    figure = parallel_coordinates(differences(record), final_values(record), record.conditions)
    assert figure is not None
    lines = figure.datasets["lines"]
    assert len(lines) == 8 * 3
    rates = {row["condition"]: row["place"] for row in lines if row["axis"] == "training.lr"}
    assert set(rates.values()) == {0.0, 1.0}
    ends = [row["place"] for row in lines if row["axis"] == "val/correct_rate"]
    assert (min(ends), max(ends)) == (0, 1)


def test_parallel_coordinates_of_two_conditions_are_none(tmp_path: Path) -> None:
    record = read_campaign(make_campaign(tmp_path / "c", steps=10))
    assert parallel_coordinates(differences(record), final_values(record), record.conditions) is None
