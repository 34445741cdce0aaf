"""Checkpoints, the canonical record over attempts, and progress from the ends of files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.execution import canonical
from campaign.execution.checkpoints import newest
from campaign.execution.progress import ProgressReader, tail_rows
from campaign.folder.atomic_files import write_json
from campaign.folder.paths import RunPaths
from campaign.metrics.record import read_jsonl
from campaign.spec.config import CoreSection, RunConfig, TrainingSection

CONFIG = RunConfig(condition="base", training=TrainingSection(seed=7))


def attempt(
    run: RunPaths, number: int, steps: range, *, first: int | None = None, checkpoints: tuple[int, ...] = ()
) -> None:
    """An attempt that began at `first` and logged `steps`."""
    folder = run.attempt(number)
    folder.emergence.mkdir(parents=True)
    write_json(folder.started, {"first_step": steps.start if first is None else first})
    rows = [{"step": step, "attempt": number, "correct_rate": step / 10} for step in steps]
    folder.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = [{"step": step, "attempt": number, "sample": k} for step in steps for k in range(2)]
    (folder.emergence / "generations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in words))
    for step in checkpoints:
        (folder.checkpoints / f"step_{step:06d}").mkdir(parents=True)


def who_wrote(path: Path) -> list[tuple[int, int]]:
    return [(row["step"], row["attempt"]) for row in read_jsonl(path)]


def test_a_run_goes_on_from_the_newest_checkpoint_of_any_attempt(run: RunPaths) -> None:
    attempt(run, 1, range(12), checkpoints=(5, 10))
    attempt(run, 2, range(10, 13))
    found = newest(run)
    assert found is not None
    assert (found.step, found.path.parent.parent.name) == (10, "0001")


def test_what_a_fenced_attempt_saved_after_its_successor_began_is_passed_over(run: RunPaths) -> None:
    attempt(run, 1, range(31), checkpoints=(10, 20, 30))
    attempt(run, 2, range(10, 15), first=10)
    found = newest(run)
    assert found is not None
    assert found.step == 10


def test_a_folder_that_is_being_written_is_no_checkpoint(run: RunPaths) -> None:
    attempt(run, 1, range(3))
    for name in (".step_000003.tmp", "step_", "latest", "step_3x"):
        (run.attempt(1).checkpoints / name).mkdir(parents=True)
    assert newest(run) is None


def test_a_run_that_never_started_has_no_checkpoint(run: RunPaths) -> None:
    assert newest(run) is None


def test_the_record_of_a_resumed_run_has_every_step_once(run: RunPaths) -> None:
    attempt(run, 1, range(8), checkpoints=(5,))
    attempt(run, 2, range(5, 10))
    canonical.show_live(run, run.attempt(2), "metrics.jsonl")
    summary = canonical.settle_record(run, CONFIG)
    assert who_wrote(run.metrics) == [(s, 1) for s in range(5)] + [(s, 2) for s in range(5, 10)]
    generations = who_wrote(run.emergence / "generations.jsonl")
    assert generations == [(s, 1 if s < 5 else 2) for s in range(10) for _ in range(2)]
    assert not run.metrics.is_symlink()
    assert summary["steps"] == 10


def test_an_attempt_that_died_before_its_first_step_hides_nothing(run: RunPaths) -> None:
    attempt(run, 1, range(8))
    attempt(run, 2, range(5, 5))
    canonical.settle_record(run, CONFIG)
    assert [step for step, _ in who_wrote(run.metrics)] == list(range(8))
    assert [step for step, _ in who_wrote(run.emergence / "generations.jsonl")][::2] == list(range(8))


def test_while_a_run_lives_its_record_leads_into_the_attempt(run: RunPaths) -> None:
    attempt(run, 1, range(3))
    canonical.settle_record(run, CONFIG)
    attempt(run, 2, range(3, 5))
    canonical.show_live(run, run.attempt(2), "metrics.jsonl")
    assert run.metrics.is_symlink()
    assert not Path(run.metrics.readlink()).is_absolute(), "a campaign can be moved"
    assert [step for step, _ in who_wrote(run.metrics)] == [3, 4]
    assert (run.emergence / "generations.jsonl").exists()


def test_every_row_has_step_first_condition_and_seed(run: RunPaths) -> None:
    attempt(run, 1, range(2))
    canonical.settle_record(run, CONFIG)
    for row in read_jsonl(run.metrics):
        assert list(row)[:3] == ["step", "condition", "seed"]
        assert (row["condition"], row["seed"]) == ("base", 7)


def test_a_foreign_log_is_translated_and_nothing_of_it_is_lost(run: RunPaths) -> None:
    core = CoreSection(metrics_file="out/log.json", metrics_map={"step": "it", "correct_rate": "train/acc"})
    folder = run.attempt(1).root / "out"
    folder.mkdir(parents=True)
    (folder / "log.json").write_text('{"it": 0, "train/acc": 0.5, "x": 1}\n{"it": 1, "train/acc": NaN}\n')
    summary = canonical.settle_record(run, CONFIG.model_copy(update={"core": core}))
    rows = [json.loads(line, parse_constant=pytest.fail) for line in run.metrics.read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 1]
    assert (rows[0]["correct_rate"], rows[0]["train/acc"], rows[0]["x"]) == (0.5, 0.5, 1)
    assert rows[1]["correct_rate"] is None
    assert (summary["steps"], summary["correct_rate"]) == (2, 0.5)


def test_a_log_without_steps_counts_its_lines(run: RunPaths) -> None:
    run.attempt(1).root.mkdir(parents=True)
    run.attempt(1).metrics.write_text('{"loss": 2}\n{"loss": 1}\n')
    canonical.settle_record(run, CONFIG)
    assert [row["step"] for row in read_jsonl(run.metrics)] == [0, 1]


def test_a_summary_prefers_the_last_evaluation() -> None:
    rows: list[dict[str, Any]] = [{"step": s, "correct_rate": 0.1, "step_time_s": 1.0 + s} for s in range(5)]
    rows[2]["val/correct_rate"] = 0.4
    rows[3]["val/correct_rate"] = 0.6
    assert canonical.summarise(rows) == {
        "steps": 5, "correct_rate": 0.6, "evaluated": True, "step_seconds": 3.0,
    }  # fmt: skip
    assert canonical.summarise([]) == {"steps": 0}


values = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.none())
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
    assert progress.correct_rate is not None
    assert math.isclose(progress.correct_rate, 0.3)
    assert reader.read(path) is progress
    with path.open("a") as file:
        file.write('ect_rate": 0.9}\n')
    again = reader.read(path)
    assert again is not None
    assert again.steps == 3
