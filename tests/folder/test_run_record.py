"""The record of a run over its attempts: links, names, and the one rule for merging."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.analysis.records import read_record
from campaign.execution.run_summary import record_format, summarise
from campaign.folder.json_lines import read_jsonl, to_line
from campaign.folder.paths import RunPaths
from campaign.folder.run_record import (
    RecordFormat,
    RowReader,
    is_live,
    merge_attempts,
    merge_rows,
    merged_rows,
    read_config,
    settle_record,
    show_live,
)
from campaign.spec.config import CoreSection, RunConfig, TrainingSection
from tests.folder.attempts import attempt

LABELS = {"condition": "base", "seed": 7}
FORMAT = RecordFormat(labels=LABELS)


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    paths = RunPaths(tmp_path / "runs" / "base_s7")
    paths.root.mkdir(parents=True)
    return paths


def who_wrote(path: Path) -> list[tuple[int, int]]:
    return [(row["step"], row["attempt"]) for row in read_jsonl(path)]


def test_the_record_of_a_resumed_run_has_every_step_once(run: RunPaths) -> None:
    attempt(run, 1, range(8), checkpoints=(5,))
    attempt(run, 2, range(5, 10))
    show_live(run, run.attempt(2), "metrics.jsonl")
    summary = summarise(settle_record(run, FORMAT))
    assert who_wrote(run.metrics) == [(s, 1) for s in range(5)] + [(s, 2) for s in range(5, 10)]
    generations = who_wrote(run.emergence / "generations.jsonl")
    assert generations == [(s, 1 if s < 5 else 2) for s in range(10) for _ in range(2)]
    assert not run.metrics.is_symlink()
    assert summary["steps"] == 10


def test_an_attempt_that_died_before_its_first_step_hides_nothing(run: RunPaths) -> None:
    attempt(run, 1, range(8))
    attempt(run, 2, range(5, 5))
    settle_record(run, FORMAT)
    assert [step for step, _ in who_wrote(run.metrics)] == list(range(8))
    assert [step for step, _ in who_wrote(run.emergence / "generations.jsonl")][::2] == list(range(8))


def test_record_of_a_live_run_is_a_link_into_the_attempt(run: RunPaths) -> None:
    attempt(run, 1, range(3))
    settle_record(run, FORMAT)
    attempt(run, 2, range(3, 5))
    show_live(run, run.attempt(2), "metrics.jsonl")
    assert run.metrics.is_symlink()
    assert not Path(run.metrics.readlink()).is_absolute(), "a campaign can be moved"
    assert [step for step, _ in who_wrote(run.metrics)] == [3, 4]
    assert (run.emergence / "generations.jsonl").exists()


def test_every_row_has_step_first_condition_and_seed(run: RunPaths) -> None:
    attempt(run, 1, range(2))
    settle_record(run, FORMAT)
    for row in read_jsonl(run.metrics):
        assert list(row)[:3] == ["step", "condition", "seed"]
        assert (row["condition"], row["seed"]) == ("base", 7)


def test_a_foreign_log_is_translated_and_nothing_of_it_is_lost(run: RunPaths) -> None:
    core = CoreSection(metrics_file="out/log.json", metrics_map={"step": "it", "correct_rate": "train/acc"})
    folder = run.attempt(1).root / "out"
    folder.mkdir(parents=True)
    (folder / "log.json").write_text('{"it": 0, "train/acc": 0.5, "x": 1}\n{"it": 1, "train/acc": NaN}\n')
    config = RunConfig(condition="base", training=TrainingSection(seed=7), core=core)
    summary = summarise(settle_record(run, record_format(config)))
    rows = [json.loads(line, parse_constant=pytest.fail) for line in run.metrics.read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 1]
    assert (rows[0]["correct_rate"], rows[0]["train/acc"], rows[0]["x"]) == (0.5, 0.5, 1)
    assert rows[1]["correct_rate"] is None
    assert summary["steps"] == 2


def test_a_log_without_steps_counts_its_lines(run: RunPaths) -> None:
    run.attempt(1).root.mkdir(parents=True)
    run.attempt(1).metrics.write_text('{"loss": 2}\n{"loss": 1}\n')
    settle_record(run, FORMAT)
    assert [row["step"] for row in read_jsonl(run.metrics)] == [0, 1]


def test_repeated_steps_of_one_attempt_are_merged_by_key_and_a_null_replaces_nothing(run: RunPaths) -> None:
    run.attempt(1).root.mkdir(parents=True)
    lines = [
        '{"step": 0, "loss": 1, "acc": 0.1}',
        '{"step": 0, "loss": 2, "lr": 3}',
        '{"step": 0, "acc": null}',
    ]
    run.attempt(1).metrics.write_text("\n".join([*lines, '{"step": 0, "loss": NaN}']) + "\n")
    settle_record(run, RecordFormat())
    assert list(read_jsonl(run.metrics)) == [{"step": 0, "loss": 2, "acc": 0.1, "lr": 3}]


def test_a_later_attempt_replaces_the_whole_row_of_a_step() -> None:
    first = [{"step": 0, "loss": 1.0}, {"step": 1, "loss": 2.0, "val/loss": 3.0}]
    second = [{"step": 1, "loss": 4.0}, {"step": 2, "loss": 5.0}]
    assert merge_attempts([first, second]) == [first[0], *second]


def test_a_step_is_a_whole_number_and_other_rows_are_not_in_the_record() -> None:
    steps = [0, 1.0, -1, 0.5, True, "2", None, 10**400, math.nan, math.inf]
    merged = merge_attempts([[{"step": step, "loss": 1} for step in steps]])
    assert [row["step"] for row in merged] == [0, 1]
    assert [type(row["step"]) for row in merged] == [int, int]


def test_labels_of_the_campaign_win_and_those_of_the_core_keep_another_name() -> None:
    rows = RowReader(RecordFormat(labels=LABELS), 0)
    assert rows.row({"seed": 99, "step": 3, "condition": "base"}) == {"step": 3, **LABELS, "core_seed": 99}
    assert list(rows.row({"loss": 1, "seed": 7})) == ["step", "condition", "seed", "loss"]


numbers = st.one_of(st.none(), st.integers(-9, 9), st.floats(), st.booleans())
logs = st.lists(
    st.builds(lambda step, row: {"step": step, **row}, st.integers(0, 4),
              st.dictionaries(st.sampled_from(("a", "b", "c")), numbers, max_size=3)),
    max_size=12,
)  # fmt: skip


@given(logs)
@settings(deadline=None)
def test_columns_of_a_log_are_those_of_its_merged_record(
    tmp_path_factory: pytest.TempPathFactory, log: Sequence[dict[str, Any]]
) -> None:
    """`analysis.records` merges in columns what `merge_rows` merges row by row."""
    folder = tmp_path_factory.mktemp("log")
    (folder / "log.jsonl").write_text("".join(map(to_line, log)))
    (folder / "record.jsonl").write_text("".join(map(to_line, merge_attempts([log]))))
    as_logged, merged = read_record(folder / "log.jsonl"), read_record(folder / "record.jsonl")
    assert as_logged.keys() == merged.keys()
    for owner, record in merged.items():
        assert as_logged[owner].steps.tolist() == record.steps.tolist()
        assert as_logged[owner].metrics.keys() == record.metrics.keys()
        for name, values in record.metrics.items():
            np.testing.assert_array_equal(as_logged[owner].metrics[name], values)


@given(logs)
def test_merging_a_merged_record_changes_nothing(log: Sequence[dict[str, Any]]) -> None:
    once = merge_attempts([log])
    assert [to_line(row) for row in merge_attempts([once])] == [to_line(row) for row in once]


def test_merge_rows_keeps_the_order_of_the_earlier_row() -> None:
    assert list(merge_rows({"step": 1, "b": 1}, {"step": 1, "a": math.inf, "b": 2})) == ["step", "b", "a"]


def test_a_run_is_live_until_its_record_is_settled(run: RunPaths) -> None:
    attempt(run, 1, range(2))
    show_live(run, run.attempt(1), "metrics.jsonl")
    assert is_live(run)
    settle_record(run, FORMAT)
    assert not is_live(run)


def test_the_format_of_a_record_is_in_the_configuration_of_its_run(run: RunPaths) -> None:
    assert RecordFormat.from_config(read_config(run)) == RecordFormat()
    run.config.write_text(
        'condition = "base"\n[training]\nseed = 7\n[core]\nmetrics_file = "x.jsonl"\nmetrics_map = { a = "b" }\n'
    )
    expected = RecordFormat("x.jsonl", {"a": "b"}, LABELS, every_step=True)
    assert RecordFormat.from_config(read_config(run)) == expected
    run.config.write_text('[training]\nmax_steps = 5\n[core]\ncommand = ["x"]\nearly_stopping = true\n')
    assert RecordFormat.from_config(read_config(run)) == RecordFormat(steps=5, early_stopping=True)


def test_attempts_of_a_live_run_are_merged_like_those_of_a_settled_one(run: RunPaths) -> None:
    attempt(run, 1, range(4))
    attempt(run, 2, range(2, 6))
    live = merged_rows(run, FORMAT)
    assert settle_record(run, FORMAT) == live == list(read_jsonl(run.metrics))


def test_renamed_rows_have_our_names_and_keep_theirs() -> None:
    record_format = RecordFormat(metrics_map={"step": "global_step", "loss": "train/loss"})
    assert record_format.renamed({"a": 1, "global_step": 3}) == {"a": 1, "global_step": 3, "step": 3}


@pytest.mark.parametrize(
    ("target", "live"),
    [("attempts/0001/metrics.jsonl", True), ("/dev/zero", False), ("metrics.jsonl", False)],
)
def test_record_is_live_only_where_it_leads_into_an_attempt(tmp_path: Path, target: str, live: bool) -> None:
    run = RunPaths(tmp_path / "base_s1")
    run.attempts_root.mkdir(parents=True)
    assert not is_live(run)
    run.metrics.symlink_to(target)
    assert is_live(run) is live
