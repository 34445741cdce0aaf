"""`campaign.control_characters`: nothing acts on a terminal or hides, and ordinary text in any script stays as it is."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.cli.safe_log import SafeLog
from campaign.control_characters import in_json, visible
from campaign.redact import REDACTED

ORDINARY = [
    "plain text,\ttabs\nand lines",
    "naïve, ½ €, 中文 　 (wide space), עברית, العربية, हिन्दी क्‍ष",
    "👩‍🔬 and ✔️",
    "no-break\xa0space",
]
ACTIVE = {
    "\x1b]0;title\x07": r"\x1b]0;title\x07",
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\": r"\x1b]8;;http://evil\x1b\click\x1b]8;;\x1b" + "\\",
    "\x1b[2J\x1b[1;1H": r"\x1b[2J\x1b[1;1H",
    "\x9b2J": r"\x9b2J",
    "over\rwritten": r"over\rwritten",
    "\x00\x08\x7f": r"\x00\x08\x7f",
    "abc\u202efed\u2066x\u2069": r"abc\u202efed\u2066x\u2069",
    "zero\u200bwidth\ufeff": r"zero\u200bwidth\ufeff",
    "\ud800": r"\ud800",
    "\U000e0041": r"\U000e0041",
}


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text
    assert in_json(json.dumps(text, ensure_ascii=False)) == json.dumps(text, ensure_ascii=False)


@pytest.mark.parametrize("text", ACTIVE)
def test_active_characters_are_written_out(text: str) -> None:
    assert visible(text) == ACTIVE[text]


def test_colours_are_left_out() -> None:
    assert visible("\x1b[1;31mred\x1b[0m") == "red"


@given(st.text())
def test_nothing_visible_acts(text: str) -> None:
    left = {unicodedata.category(c) for c in visible(text) if c not in "\n\t\u200c\u200d"}
    assert not left & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(visible(text)) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f"
    )


@given(
    st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
)
def test_a_json_document_keeps_its_value_and_can_be_printed(value: object) -> None:
    for indent in (None, 2):
        printed = in_json(json.dumps(value, ensure_ascii=False, indent=indent))
        assert json.loads(printed) == value
        assert visible(printed) == printed


KEY = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(["Mk8x" * 16] * 9) + "\nQ==\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 100_000])
def test_a_log_that_arrives_in_pieces_is_safe(size: int) -> None:
    token = "hf_" + "a" * 20
    text = f"50%\r100%\r\ntoken {token} é\n\x1b]0;x\x07\n{KEY}\nlast {token}"
    data, log = text.encode(), SafeLog()
    printed = "".join(log.feed(data[at : at + size]) for at in range(0, len(data), size)) + log.rest()
    assert printed == f"50%\n100%\ntoken {REDACTED} é\n\\x1b]0;x\\x07\n{REDACTED}\nlast {REDACTED}"


def test_a_log_without_a_line_end_is_printed_in_pieces_and_hides_a_secret_on_a_seam() -> None:
    token = "hf_" + "a" * 20
    data, log, longest = ("x" * 49_990 + " " + token + " ").encode() * 8, SafeLog(), 0
    printed = ""
    for at in range(0, len(data), 1000):
        printed += log.feed(data[at : at + 1000])
        longest = max(longest, len(log._held))
    assert printed + log.rest() == ("x" * 49_990 + f" {REDACTED} ") * 8
    assert longest < 100_000


def test_a_key_that_never_ends_does_not_hold_the_log_forever(tmp_path: Path) -> None:
    log = SafeLog()
    printed = log.feed(b"-----BEGIN PRIVATE KEY-----\n" + b"words of a log\n" * 10_000)
    assert printed.count("words of a log") > 5_000
