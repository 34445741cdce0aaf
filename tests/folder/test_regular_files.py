"""Reading what other programs wrote: never a hang, never more than a stated number of bytes, always the reason."""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.folder.json_lines import parse_object, read_jsonl, to_line
from campaign.folder.outcome import read_outcome
from campaign.folder.paths import AttemptPaths
from campaign.folder.regular_files import LONGEST_LINE, DamagedFile, is_file_error, read_end, read_regular
from campaign.folder.untrusted_json import DEEPEST, parse_json

pytestmark = pytest.mark.timeout(60)
HERE = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda path: path.mkdir(), "is a folder"),
        (os.mkfifo, "is a FIFO"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device"),
        (lambda path: path.symlink_to(path.name), "cannot be read: Too many levels"),
        (lambda path: path.symlink_to("/dev/null/x"), "cannot be read: Not a directory"),
    ],
)
def test_only_regular_files_are_read_and_others_are_named(make, kind: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "metrics.jsonl"
    make(path)
    for read in (read_regular, lambda path: read_end(path, 10), lambda path: list(read_jsonl(path))):
        with pytest.raises(DamagedFile, match=kind) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert is_file_error(caught.value)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(DamagedFile, match="is a socket"):
            read_regular(tmp_path / "s")


def test_a_dangling_link_is_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "link")
    assert list(read_jsonl(tmp_path / "link")) == []


def test_a_file_beyond_its_limit_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.touch()
    os.truncate(path, 5 * 2**40)
    with pytest.raises(DamagedFile, match="is too large"):
        read_regular(path)
    with pytest.raises(DamagedFile, match="has a line of more than"):
        list(read_jsonl(path))
    assert read_end(path, 3) == (b"\0\0\0", False)


def test_a_line_at_the_limit_is_read_and_a_longer_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    text = '{"a": "' + "x" * (LONGEST_LINE - 10) + '"}\n'
    path.write_text(text)
    assert len(list(read_jsonl(path))) == 1
    path.write_text(" " + text)
    with pytest.raises(DamagedFile):
        list(read_jsonl(path))


def test_a_file_that_another_user_may_not_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can become another user")
    path = tmp_path / "secret"
    path.write_text("x")
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/") and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    script = (
        f"import os, sys; sys.path.insert(0, {str(HERE)!r}); from pathlib import Path\n"
        "from campaign.folder.regular_files import DamagedFile, read_regular\n"
        "os.setuid(65534)\n"
        "try: read_regular(Path(sys.argv[1]))\n"
        "except DamagedFile as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert done.stdout == f"{path} cannot be read: Permission denied\n", done.stderr


def test_the_error_survives_pickling() -> None:
    assert str(pickle.loads(pickle.dumps(DamagedFile("x is a FIFO")))) == "x is a FIFO"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"7" * 400, float("inf")),
        (b"7" * 5_000, float("inf")),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"9223372036854775808", 2.0**63),
        (b'"\\ud800x"', "\ufffdx"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'{"\\udfff": ["\\ud800"]}', {"\ufffd": ["\ufffd"]}),
        (b'"\xff"', "\ufffd"),
        (b"\xef\xbb\xbf[]", []),
    ],
)
def test_json_becomes_values_that_every_later_step_can_handle(text: bytes, value: object) -> None:
    parsed = parse_json(text)
    assert (parsed, type(parsed)) == (value, type(value))  # 2**63 == 2.0**63


@pytest.mark.parametrize("depth", [DEEPEST + 1, 900, 200_000])
def test_json_nested_too_deeply_is_no_json(depth: int) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(b"[" * depth + b"]" * depth)
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(b'{"a":' * depth + b"1" + b"}" * depth)
    assert parse_object(b'{"a": ' + b"[" * depth + b"]" * depth + b"}") is None


def test_json_at_the_deepest_level_is_accepted() -> None:
    assert parse_json(b"[" * DEEPEST + b"]" * DEEPEST)


@given(st.binary(max_size=200))
def test_whatever_a_line_holds_its_row_can_be_written_again(line: bytes) -> None:
    row = parse_object(line)
    if row is not None:
        to_line(row).encode()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    )
)
def test_every_row_that_python_writes_can_be_written_again(value: object) -> None:
    row = parse_object(json.dumps({"value": value}).encode())
    assert row is not None
    assert parse_object(to_line(row).encode()) is not None


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "triumph"}', '{"kind": ["finished"]}', '{"kind": "finished", "log_tail": 5}',
        '{"kind": "finished", "log_tail": [1]}', '{"kind": "failed", "exit_code": "1"}',
        '{"kind": "failed", "traceback": {}}', '{"kind": "failed", "seconds": "long"}', '{"accuracy": 0.9}',
    ],
)  # fmt: skip
def test_a_result_that_campaign_did_not_write_is_no_outcome(text: str, tmp_path: Path) -> None:
    attempt = AttemptPaths(tmp_path / "0001")
    attempt.root.mkdir()
    attempt.result.write_text(text)
    assert read_outcome(attempt) is None


def test_the_number_of_an_outcome_is_that_of_its_folder(tmp_path: Path) -> None:
    attempt = AttemptPaths(tmp_path / "0002")
    attempt.root.mkdir()
    attempt.result.write_text('{"kind": "failed", "number": 99}')
    outcome = read_outcome(attempt)
    assert outcome is not None
    assert outcome.number == 2
