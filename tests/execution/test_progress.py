"""Progress from the ends of metrics files, and the summary of a record."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.execution.progress import ProgressReader, tail_rows
from campaign.execution.run_summary import summarise
from campaign.folder.run_record import RecordFormat


def test_a_summary_prefers_the_last_evaluation() -> None:
    rows: list[dict[str, Any]] = [{"step": s, "correct_rate": 0.1, "step_time_s": 1.0 + s} for s in range(5)]
    rows[2]["val/correct_rate"] = 0.4
    rows[3]["val/correct_rate"] = 0.6
    assert summarise(rows) == {
        "steps": 5, "correct_rate": 0.6, "evaluated": True, "step_seconds": 3.0,
    }  # fmt: skip
    assert summarise([]) == {"steps": 0}


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
    assert progress.correct_rate is not None
    assert math.isclose(progress.correct_rate, 0.3)
    assert reader.read(path) is progress
    with path.open("a") as file:
        file.write('ect_rate": 0.9}\n')
    again = reader.read(path)
    assert again is not None
    assert again.steps == 3


def test_progress_of_a_link_is_translated_and_that_of_a_merged_record_is_not(tmp_path: Path) -> None:
    ours = RecordFormat(metrics_map={"step": "it", "correct_rate": "acc", "acc": "raw"})
    (tmp_path / "log.jsonl").write_text('{"it": 4, "acc": 0.25, "raw": 9}\n')
    (tmp_path / "metrics.jsonl").symlink_to("log.jsonl")
    live = ProgressReader().read(tmp_path / "metrics.jsonl", ours)
    assert live is not None
    assert (live.steps, live.correct_rate) == (5, 0.25)
    (tmp_path / "metrics.jsonl").unlink()
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 4, "it": 4, "correct_rate": 0.25, "acc": 9, "raw": 9}\n'
    )
    merged = ProgressReader().read(tmp_path / "metrics.jsonl", ours)
    assert merged is not None
    assert (merged.steps, merged.correct_rate) == (5, 0.25)


def test_progress_merges_the_rows_of_a_step_as_the_record_will(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"step": 0, "correct_rate": 0.2}\n{"step": 0, "correct_rate": 0.4, "step_time_s": 2.0}\n'
        '{"step": 1, "correct_rate": 0.6}\n{"step": 1, "correct_rate": null}\n{"step": 0, "step_time_s": 4.0}\n'
    )
    progress = ProgressReader().read(path)
    assert progress is not None
    assert (progress.steps, progress.correct_rate, progress.step_seconds) == (2, 0.5, 4.0)
