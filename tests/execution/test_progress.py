"""Progress from the ends of metrics files, and the summary of a record."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.analysis.campaign_design import CampaignDesign
from campaign.analysis.records import record_of
from campaign.analysis.runs import Run, Runs
from campaign.analysis.summaries import summarise as summarise_runs
from campaign.execution.headline_values import headline_values
from campaign.execution.progress import ProgressReader, tail_rows
from campaign.execution.run_summary import summarise
from campaign.execution.settled_run import settle_run
from campaign.folder.outcome import Outcome
from campaign.folder.paths import RunPaths
from campaign.folder.run_record import RecordFormat
from campaign.spec.config import CoreSection, RunConfig, TrainingSection
from campaign.spec.headline import Headline
from tests.folder.attempts import attempt


def test_a_summary_has_the_recent_value_and_the_final_one_of_the_last_evaluation() -> None:
    rows: list[dict[str, Any]] = [{"step": s, "correct_rate": 0.1, "step_time_s": 1.0 + s} for s in range(5)]
    rows[2]["val/correct_rate"] = 0.4
    rows[3]["val/correct_rate"] = 0.6
    assert summarise(rows) == {"steps": 5, "step_seconds": 3.0}
    assert headline_values(rows, Headline(), 5) == {
        "headline": ["correct_rate", "auto"], "recent": 0.1, "final": 0.6,
        "measured": "last held-out evaluation of val/correct_rate"
    }  # fmt: skip
    assert summarise([]) == {"steps": 0}


def test_a_summary_of_a_metric_that_was_not_logged_has_no_value() -> None:
    summary = headline_values([{"step": 0, "correct_rate": 0.1}], Headline("score"), 1)
    assert (summary["recent"], summary["final"], summary["measured"]) == (None, None, None)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
    st.sampled_from(["auto", "tail:3", "final", "mean", "max", "auc"]),
    st.booleans(),
)
def test_the_final_value_of_the_table_is_the_one_that_compare_uses(
    values: list[float], how: str, evaluated: bool
) -> None:
    rows = [{"step": step, "score": value} for step, value in enumerate(values)]
    if evaluated:
        rows[-1]["val/score"] = 0.5
    (record,) = record_of(rows).values()
    runs = Runs((Run("a", 7, record.steps, record.metrics),), CampaignDesign(steps={"a": len(rows)}))
    assert (
        headline_values(rows, Headline("score", how), len(rows))["final"]
        == summarise_runs(runs, "score", how)["a"].values[7]
    )


@pytest.mark.parametrize(("first", "finished"), [(0, [1, 2, 50]), (1, [1, 2, 50])])
def test_progress_counts_finished_steps_of_logs_from_zero_and_from_one(
    tmp_path: Path, first: int, finished: list[int]
) -> None:
    """The 50th of 50 steps is 50/50 in both, and the first is 1/50: neither 51/50 nor 2/50."""
    path = tmp_path / "metrics.jsonl"
    for count in finished:
        path.write_text("".join(json.dumps({"step": first + i}) + "\n" for i in range(count)))
        progress = ProgressReader().read(path)
        assert progress is not None
        assert progress.steps == count


@pytest.mark.parametrize("first", [0, 1])
def test_progress_of_a_resumed_attempt_counts_from_its_checkpoint(tmp_path: Path, first: int) -> None:
    attempt = RunPaths(tmp_path).attempt(2)
    attempt.root.mkdir(parents=True)
    attempt.started.write_text('{"first_step": 25}')
    attempt.metrics.write_text("".join(json.dumps({"step": 25 + first + i}) + "\n" for i in range(5)))
    (tmp_path / "metrics.jsonl").symlink_to("attempts/0002/metrics.jsonl")
    progress = ProgressReader().read(tmp_path / "metrics.jsonl", RecordFormat())
    assert progress is not None
    assert progress.steps == 30


def test_the_value_of_a_run_is_the_same_just_before_and_after_it_ends(tmp_path: Path) -> None:
    rows = [{"step": step, "score": step / 20, "val/score": 0.9} for step in range(20)]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    progress = ProgressReader("score").read(path)
    assert progress is not None
    assert progress.value == headline_values(rows, Headline("score"), 20)["recent"]
    assert progress.value == pytest.approx(sum(range(10, 20)) / 200)


@pytest.mark.parametrize(("reason", "short"), [("", False), ("interrupted", True)])
def test_core_that_may_end_early_has_not_finished_when_it_ended_because_it_was_asked_to(
    run: RunPaths, reason: str, short: bool
) -> None:
    attempt(run, 1, range(8))
    config = RunConfig(
        core=CoreSection(command=("x",), early_stopping=True), training=TrainingSection(max_steps=20)
    )
    settled = settle_run(run, config, Outcome("finished", 1, exit_code=0, reason=reason), Headline())
    assert bool(settled.shortfall) == short
    assert settled.summary["steps"] == 8


values = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.none()
)
many_rows = st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=40)


@given(many_rows, st.integers(0, 3000), st.binary(max_size=30))
@settings(deadline=None)
def test_the_end_of_a_file_is_the_end_of_its_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], padding: int, torn: bytes
) -> None:
    path = tmp_path_factory.mktemp("tail") / "metrics.jsonl"
    lines = [json.dumps({"step": index, "pad": "x" * padding, **row}) for index, row in enumerate(rows)]
    path.write_bytes("".join(line + "\n" for line in lines).encode() + torn.replace(b"\n", b""))
    found = tail_rows(path)
    whole = [json.loads(line) for line in lines]
    assert found == (whole[-len(found) :] if found else [])
    assert bool(found) == bool(rows)


def test_progress_is_read_from_the_end_and_only_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    reader = ProgressReader()
    assert reader.read(path) is None
    path.write_text('{"step": 0, "correct_rate": 0.2}\n{"step": 1, "correct_rate": 0.4}\n{"step": 2, "corr')
    progress = reader.read(path)
    assert progress is not None
    assert progress.steps == 2
    assert progress.value is not None
    assert math.isclose(progress.value, 0.3)
    assert reader.read(path) is progress
    with path.open("a") as file:
        file.write('ect_rate": 0.9}\n')
    again = reader.read(path)
    assert again is not None
    assert again.steps == 3


def test_progress_of_a_link_is_translated_and_that_of_a_merged_record_is_not(tmp_path: Path) -> None:
    ours = RecordFormat(metrics_map={"step": "it", "correct_rate": "acc", "acc": "raw"})
    (tmp_path / "log.jsonl").write_text('{"it": 0, "acc": 0.25, "raw": 9}\n')
    (tmp_path / "metrics.jsonl").symlink_to("log.jsonl")
    live = ProgressReader().read(tmp_path / "metrics.jsonl", ours)
    assert live is not None
    assert (live.steps, live.value) == (1, 0.25)
    (tmp_path / "metrics.jsonl").unlink()
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 0, "it": 4, "correct_rate": 0.25, "acc": 9, "raw": 9}\n'
    )
    merged = ProgressReader().read(tmp_path / "metrics.jsonl", ours)
    assert merged is not None
    assert (merged.steps, merged.value) == (1, 0.25)


def test_progress_merges_the_rows_of_a_step_as_the_record_will(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"step": 0, "correct_rate": 0.2}\n{"step": 0, "correct_rate": 0.4, "step_time_s": 2.0}\n'
        '{"step": 1, "correct_rate": 0.6}\n{"step": 1, "correct_rate": null}\n{"step": 0, "step_time_s": 4.0}\n'
    )
    progress = ProgressReader().read(path)
    assert progress is not None
    assert (progress.steps, progress.value, progress.step_seconds) == (2, 0.5, 4.0)
