"""Patterns that match nothing or too much."""

from __future__ import annotations

import pytest

from campaign.errors import UsageError
from tests.check.conftest import Check

A = "from fw import Trainer, Reward\nGAMMA = 0.99\nconfig = Trainer(lr=1e-3, reward=Reward(gamma=GAMMA), steps=10)\n"


def test_pattern_without_a_match_is_an_error(check: Check) -> None:
    with pytest.raises(UsageError, match="no field matches 'rewardd'"):
        check(A, A, under_test=("rewardd",))


def test_pattern_that_matches_everything_is_an_error(check: Check) -> None:
    with pytest.raises(UsageError, match="matches every field"):
        check(A, A, under_test=("**",))


def test_type_that_occurs_twice_is_an_error(check: Check) -> None:
    twice = "from fw import R\nconfig = [R(g=1), R(g=2)]\n"
    with pytest.raises(UsageError, match="matches 2 places"):
        check(twice, twice, under_test=("R.g",))
