"""What an `except` clause catches."""

from __future__ import annotations

import pytest

from tests.check.conftest import Check

FILE = """import framework
try:
    {raising}
except framework.Error:
    x = 1
except {base}:
    x = {value}
config = x
"""


@pytest.mark.parametrize(
    ("raising", "base"),
    [("missing", "NameError"), ("raise KeyError(1)", "LookupError"), ("[][0]", "IndexError")],
)
def test_an_external_class_that_may_be_a_base_of_the_exception_is_refused(
    check: Check, raising: str, base: str
) -> None:
    text = FILE.format(raising=raising, base=base, value=2)
    result = check(text, text, entry="names:config")
    messages = [finding.message for finding in result.variants[0].findings]
    assert result.verdict == "unproven"
    assert all("external exception class" in message for message in messages), messages


def test_a_failed_assertion_carries_its_message(check: Check) -> None:
    text = "try:\n    assert 0, {message}\nexcept AssertionError as error:\n    config = error.args\n"
    same = check(text.format(message=5), "config = (5,)\n", entry="names:config")
    assert same.verdict == "proven"
    other = check(text.format(message=5), text.format(message=6), entry="names:config")
    assert other.verdict == "confound"
    bare = check(
        "try:\n    assert 0\nexcept AssertionError as error:\n    config = error.args\n",
        "config = ()\n",
        entry="names:config",
    )
    assert bare.verdict == "proven"
