"""Fields of one file that are declared equal."""

from __future__ import annotations

import pytest

from campaign.errors import UsageError
from tests.check.conftest import Check


def test_declared_relation_that_is_broken_is_a_confound(check: Check) -> None:
    text = "config = {'group': 8, 'shaping': {'group': 8}}\n"
    broken = text.replace("'shaping': {'group': 8}", "'shaping': {'group': 4}")
    equal = (("group", "shaping.group"),)
    assert check(text, text, equal=equal).verdict == "proven"
    result = check(text, broken, under_test=("shaping.group",), equal=equal)
    assert result.verdict == "confound"


def test_equal_path_with_a_wildcard_is_an_error(check: Check) -> None:
    text = "config = {'group': 8, 'shaping': {'group': 8}}\n"
    with pytest.raises(UsageError, match="has a wildcard"):
        check(text, text, equal=(("group", "**.group"),))
