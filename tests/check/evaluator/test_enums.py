"""`enum.auto()` counts on only where all versions of Python agree on the next value."""

from __future__ import annotations

import pytest

from tests.check.conftest import Check

FILE = "import enum\nclass E(enum.Enum):\n    {0}\nconfig = {{'value': E.LAST.value}}\n"


@pytest.mark.parametrize(
    ("members", "value"),
    [
        ("LAST = enum.auto()", 1),
        ("A = 5; LAST = enum.auto()", 6),
        ("A = -5; LAST = enum.auto()", -4),
        ("A = enum.auto(); B = enum.auto(); LAST = enum.auto()", 3),
    ],
)
def test_auto_is_one_more_than_the_value_before(check: Check, members: str, value: int) -> None:
    written = "import enum\nconfig = {'value': %d}\n"
    namespace: dict[str, dict[str, int]] = {}
    exec(FILE.format(members), namespace)
    assert namespace["config"]["value"] == value
    assert check(FILE.format(members), written % value).verdict == "proven"
    assert check(FILE.format(members), written % (value + 1)).verdict != "proven"


@pytest.mark.parametrize("members", ["A = 5; B = 1; LAST = enum.auto()", "A = 'x'; LAST = enum.auto()"])
def test_auto_after_values_that_do_not_increase_is_refused(check: Check, members: str) -> None:
    result = check(FILE.format(members), "import enum\nconfig = {'value': 6}\n")
    assert result.verdict == "unproven"
