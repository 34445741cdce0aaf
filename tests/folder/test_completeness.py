"""A run is done when its record says so: it reaches the planned last step, and no step is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.folder.atomic_files import write_json
from campaign.folder.completeness import (
    AttemptSteps,
    Shortfall,
    StepLog,
    keep_shortfall,
    missing_words,
    read_shortfall,
    shortfall,
)
from campaign.folder.json_lines import damaged_lines
from campaign.folder.paths import RunPaths
from campaign.folder.run_record import RecordFormat, settle_record
from tests.folder.attempts import attempt

BUILT_IN = RecordFormat(steps=20, every_step=True)
COMMAND = RecordFormat(steps=50)


@pytest.fixture
def run(tmp_path: Path) -> RunPaths:
    paths = RunPaths(tmp_path / "runs" / "base_s1")
    paths.root.mkdir(parents=True)
    return paths


def found(run: RunPaths, record_format: RecordFormat) -> Shortfall | None:
    return shortfall(run, settle_record(run, record_format), record_format)


def reason(run: RunPaths, record_format: RecordFormat) -> str:
    problem = found(run, record_format)
    return "" if problem is None else f"{problem.state}: {problem.reason}"


def log(run: RunPaths, text: str, name: str = "metrics.jsonl") -> None:
    folder = run.attempt(1)
    folder.root.mkdir(parents=True, exist_ok=True)
    write_json(folder.started, {"first_step": 0})
    (folder.root / name).write_text(text)


@pytest.mark.parametrize(
    ("steps", "planned"),
    [
        (range(50), 50),  # counted from 0
        (range(1, 51), 50),  # counted from 1
        (range(0, 50, 10), 50),
        (range(10, 51, 10), 50),
        (range(9, 50, 10), 50),
        (range(50, 51), 50),  # one evaluation at the end
        (range(49, 50), 50),
        (range(1), 1),
        (range(1, 2), 1),
    ],
)
def test_record_that_reaches_the_last_step_is_complete(run: RunPaths, steps: range, planned: int) -> None:
    attempt(run, 1, steps, first=0)
    assert reason(run, RecordFormat(steps=planned)) == ""


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (range(8), "ends after 8 of 50 steps"),
        (range(49), "ends after 49 of 50 steps"),
        (range(1, 50), "ends after 49 of 50 steps"),
        (range(0, 40, 10), "ends after 31 of 50 steps"),
        (range(33, 50), "steps 0-32 are missing"),
    ],
)
def test_record_that_ends_early_or_begins_late_is_short(run: RunPaths, steps: range, words: str) -> None:
    attempt(run, 1, steps, first=steps.start if steps.start == 33 else 0)
    assert reason(run, COMMAND).startswith("short: ")
    assert words in reason(run, COMMAND)


def test_core_that_may_end_early_is_complete_wherever_it_ends_but_not_with_a_hole(run: RunPaths) -> None:
    attempt(run, 1, range(8))
    early = RecordFormat(steps=50, early_stopping=True)
    assert reason(run, early) == ""
    attempt(run, 2, range(12, 20))
    assert "steps 8-11 are missing" in reason(run, early)


def test_steps_that_no_attempt_logged_are_named(run: RunPaths) -> None:
    attempt(run, 1, range(12))
    attempt(run, 2, range(20, 50))
    assert reason(run, COMMAND) == "short: steps 12-19 are missing from its record"


def test_line_that_was_destroyed_is_a_hole_and_a_step_that_the_core_left_out_is_not(run: RunPaths) -> None:
    rows = [json.dumps({"step": step, "loss": 1.0}) for step in range(50) if step != 30]
    log(run, "\n".join(rows) + "\n")
    assert reason(run, COMMAND) == ""
    assert "step 30 is missing" in reason(run, RecordFormat(steps=50, every_step=True))
    log(run, "\n".join([*rows[:30], "\0" * 20, *rows[30:]]) + "\n")
    assert reason(run, COMMAND) == "short: step 30 is missing from its record"


def test_core_with_checkpoints_of_its_own_may_resume_where_campaign_knows_of_none(run: RunPaths) -> None:
    attempt(run, 1, range(36), first=0)
    attempt(run, 2, range(33, 50), first=0)
    assert reason(run, COMMAND) == ""
    attempt(run, 3, range(46, 50), first=0)
    assert reason(run, COMMAND) == ""


def test_core_that_had_nothing_left_to_do_is_complete(run: RunPaths) -> None:
    attempt(run, 1, range(50), checkpoints=(50,))
    attempt(run, 2, range(50, 50), first=50)
    assert reason(run, COMMAND) == ""


def test_core_that_had_nothing_left_to_do_fills_no_hole(run: RunPaths) -> None:
    attempt(run, 1, range(12))
    attempt(run, 2, range(20, 50))
    attempt(run, 3, range(50, 50), first=50)
    assert "steps 12-19 are missing" in reason(run, COMMAND)


def test_core_that_logs_relative_to_its_checkpoint_has_no_hole(run: RunPaths) -> None:
    attempt(run, 1, range(10, 31, 10), first=0, checkpoints=(25,))
    attempt(run, 2, range(35, 51, 5), first=25)
    assert reason(run, COMMAND) == ""


@pytest.mark.parametrize(
    ("files", "record_format", "words"),
    [
        (
            {"log.csv": "step,loss\n"},
            COMMAND,
            "no metrics.jsonl; found log.csv; core.metrics_file names the log",
        ),
        ({}, COMMAND, "no metrics.jsonl; found no other file: the program must write it to {run_dir}"),
        (
            {"metrics.jsonl": '{"step": 0, "a": 1}\n'},
            RecordFormat("out/log.jsonl", steps=1),
            "no out/log.jsonl; found metrics.jsonl",
        ),
        (
            {"metrics.jsonl": "step,loss\n0,1\n"},
            COMMAND,
            "metrics.jsonl holds no JSON object; it must have one per line, and CSV",
        ),
        (
            {"metrics.jsonl": '{"step": 0, "accuracy": 1, "loss": 2}\n'},
            RecordFormat(metrics_map={"correct_rate": "acc"}, steps=1),
            "metrics_map names `acc`, which no row has; rows have `accuracy`, `loss`, `step`",
        ),
        (
            {"metrics.jsonl": '{"step": 0, "eval": {"acc": 1}}\n'},
            RecordFormat(steps=1),
            "no row has a metric that is a number; values of `eval` are objects, which are not read; "
            "log them flat, such as `eval.acc`",
        ),
        (
            {"metrics.jsonl": '{"step": 0, "eval": {"acc": 1}, "loss": 1}\n'},
            RecordFormat(metrics_map={"correct_rate": "eval.acc"}, steps=1),
            "metrics_map names `eval.acc`, which no row has; rows have `eval`, `loss`, `step`; "
            "values of `eval` are objects",
        ),
        (
            {"metrics.jsonl": '{"step": -1, "loss": 1}\n{"step": 0.5, "loss": 1}\n'},
            COMMAND,
            "no row has a whole number, 0 or more, as its step; rows have `loss`, `step`",
        ),
    ],
)
def test_run_without_metrics_is_failed_with_what_was_found_instead(
    run: RunPaths, files: dict[str, str], record_format: RecordFormat, words: str
) -> None:
    run.attempt(1).root.mkdir(parents=True)
    for name, text in files.items():
        log(run, text, name)
    assert reason(run, record_format).startswith(f"failed: {words}")


def test_shortfall_is_kept_beside_the_record(run: RunPaths) -> None:
    assert read_shortfall(run) is None
    for problem in (Shortfall("short", "it ends"), None):
        keep_shortfall(run, problem)
        assert read_shortfall(run) == problem


def test_words_name_single_steps_ranges_and_how_many_more() -> None:
    assert missing_words([(3, 3)]) == "step 3 is missing from its record"
    assert missing_words([(3, 3), (5, 7)]) == "steps 3, 5-7 are missing from its record"
    assert "and 2 more gaps" in missing_words([(3 * k, 3 * k) for k in range(10)])


def test_cut_last_line_is_not_damage(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    assert damaged_lines(path) == 0
    path.write_text('{"step": 0}\n\n{"st')
    assert damaged_lines(path) == 0
    path.write_text('{"step": 0}\nnoise\n{"step": 1}\n')
    assert damaged_lines(path) == 1


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), min_size=1, max_size=5), st.data())
@settings(deadline=None)
def test_holes_of_a_core_that_logs_every_step_are_exactly_the_steps_no_descendant_logged(
    attempts: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Each attempt begins at a step that some earlier one reached, and loses any of its rows."""
    logged: list[AttemptSteps] = []
    lineage: dict[int, bool] = {}
    reached = 0
    for wanted, length in attempts:
        first = min(wanted, reached)
        kept = [step for step in range(first, first + length) if data.draw(st.integers(0, 9)) > 0]
        logged.append(AttemptSteps(first, tuple(kept), damaged=False))
        lineage = {step: there for step, there in lineage.items() if step < first}
        lineage |= {step: step in kept for step in range(first, first + length)}
        reached = first + length
    if not reached:
        return
    expected = {step for step in range(reached) if not lineage[step]}
    holes = StepLog(tuple(logged), every_step=True).missing(reached)
    assert {step for first, last in holes for step in range(first, last + 1)} == expected
