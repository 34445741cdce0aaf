"""A malformed file is refused with all its problems, their positions and fixes, and never with a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaign.errors import SpecError
from tests.spec.conftest import Cli, Loader
from tests.spec.malformed import CASES, Malformed

TWO = (
    '[[campaign.conditions]]\nname = "a"\nkl_coef = 0.1\n[[campaign.conditions]]\nname = "b"\nkl_coef = 0.2\n'
)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_malformed_spec_is_refused_with_position_value_and_fix(case: Malformed, spec_of: Loader) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(case.text)
    message = str(caught.value)
    for fragment in case.expected:
        assert fragment in message, message
    assert all(problem.place is not None for problem in caught.value.problems)


def test_the_names_of_the_cases_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 40


def test_a_spec_with_many_problems_gets_all_of_them_in_the_order_of_the_file(spec_of: Loader) -> None:
    text = (
        "[trainin]\n[campaign]\nseeds = [1, 1]\nnaem = 'x'\n"
        "[model]\nlora_rank = -1\ndtype = 'x'\n[data]\npath = 'no'\n"
    )
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    lines = [problem.place.line for problem in caught.value.problems if problem.place]
    assert lines == [1, 3, 4, 6, 7, 9]


def test_a_problem_of_the_base_is_reported_once_however_many_conditions_inherit_it(spec_of: Loader) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(TWO + "[training]\nlr = -1.0\n")
    assert len(caught.value.problems) == 1


def test_a_secret_is_never_repeated_in_the_message(spec_of: Loader) -> None:
    for text in (
        "[logging]\nwandb_project = 'sk-abcdefghijklmnopqrstuvwx'\n",
        "[core.env]\nMY_PASSWORD = 'sk-abcdefghijklmnopqrstuvwx'\n",
        "[model]\nlora_rank = 'sk-abcdefghijklmnopqrstuvwx'\n",
        "[[campaign.conditions]]\nlr = 'sk-abcdefghijklmnopqrstuvwx'\n",
        "[model]\nx = 'sk-abcdefghijklmnopqrstuvwx\n",
        "[training]\nlr = '''\nsk-abcdefghijklmnopqrstuvwx'''\n",
    ):
        with pytest.raises(SpecError) as caught:
            spec_of(text)
        assert "abcdefghijklmnop" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[model]\nrevision = '0123456789012345678901234567890123456789'\n",
        "[core.options]\npad_token = '<pad>'\nmax_tokens = 3\ntokenizer = 'x'\n",
        "[core.env]\nHF_TOKEN = '$HF_TOKEN'\n",
        "# see https://user@host/ and commit 0123456789012345678901234567890123456789\nlogging = {}\n",
    ],
)
def test_a_value_that_only_resembles_a_secret_is_accepted(text: str, spec_of: Loader) -> None:
    spec_of(text)


def refused(path: Path, cli: Cli) -> str:
    result = cli("plan", path)
    assert result.code == 2
    assert result.out == ""
    assert "Traceback" not in result.err
    assert str(path) in result.err
    return result.err


def test_a_missing_file_is_refused_and_its_neighbours_are_named(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "other.toml").write_text("[campaign]\n")
    assert "TOML files there: other.toml" in refused(tmp_path / "campaign.toml", cli)


def test_a_folder_instead_of_a_file_is_refused(tmp_path: Path, cli: Cli) -> None:
    assert "is a folder" in refused(tmp_path, cli)


def test_a_file_below_a_file_is_refused(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file" / "campaign.toml", cli)


def test_a_file_name_longer_than_file_systems_take_is_refused(tmp_path: Path, cli: Cli) -> None:
    refused(tmp_path / ("x" * 5000), cli)


def test_utf_16_is_refused_by_name(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[campaign]\n", encoding="utf-16")
    assert "UTF-16" in refused(path, cli)


def test_another_encoding_is_refused_with_the_position_of_the_byte(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes("[campaign]\nname = 'é'\n".encode("latin-1"))
    assert f"{path}:2:9: is not UTF-8: byte 0xe9" in refused(path, cli)


def test_a_file_of_another_kind_is_refused_for_its_size(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "weights.bin"
    with path.open("wb") as file:
        file.truncate(9 * 2**20)
    assert "too large: 9,437,184 bytes" in refused(path, cli)


def test_a_byte_order_mark_is_ignored_with_a_note(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "c.toml"
    path.write_text("\ufeff[campaign]\nseeds = [1]\n", encoding="utf-8")
    result = cli("plan", path)
    assert result.code == 0
    assert "byte-order mark" in result.out


def test_windows_line_ends_are_read_like_any_other(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"[campaign]\r\nseeds = [1]\r\nmax_steps = 0\r\n")
    assert ":3:13:" in refused(path, cli)
