"""Files that grow while they are read, in whatever pieces they arrive."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaign.folder.json_lines import JsonlTail


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=8), st.lists(st.integers(1, 12), max_size=20))
def test_tail_yields_each_object_once_however_the_bytes_arrive(
    tmp_path: Path, values: list[int], cuts: list[int]
) -> None:
    path = tmp_path / "metrics.jsonl"
    path.unlink(missing_ok=True)
    tail = JsonlTail(path)
    data = b"".join(json.dumps({"step": value}).encode() + b"\n" for value in values)
    seen = tail.read()
    for size in [*cuts, len(data)]:
        piece, data = data[:size], data[size:]
        with path.open("ab") as file:
            file.write(piece)
        seen += tail.read()
    assert seen + tail.read(last=True) == [{"step": value} for value in values]


def test_tail_of_a_file_written_anew_starts_at_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 0}\n{"step": 1}\n')
    tail = JsonlTail(path)
    assert len(tail.read()) == 2
    path.write_text('{"step": 5}\n')
    assert tail.read() == [{"step": 5}]
