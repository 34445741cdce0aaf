"""Verifiers: what counts as the right answer, and what does not."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.core.verify import PROBLEM_TYPES, final_answer, parse_number, reward_of


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        (" so #### 12", "12"),
        ("#### 1 #### 2", "2"),
        (r"thus \boxed{3} or \boxed{x+1}", "x+1"),
        ("nothing marked 12", None),
        ("####", ""),
    ],
)
def test_marked_answer_is_the_last_one(completion: str, answer: str | None) -> None:
    assert final_answer(completion) == answer


@pytest.mark.parametrize(
    ("kind", "completion", "answer", "reward"),
    [
        ("exact", " #### 1 2  3", "1 2 3", 1.0),
        ("exact", " #### 12 so", "12", 0.0),
        ("exact", "  Paris\n", "Paris", 1.0),
        ("exact", "", "12", 0.0),
        ("numeric", "first 3, then 4, so 1,234.50", "1234.5", 1.0),
        ("numeric", "#### 2/4 of it, not 7", "0.5", 1.0),
        ("numeric", "it is 50%", "0.5", 1.0),
        ("numeric", "it is -3", "3", 0.0),
        ("numeric", "it is 1/0", "1", 0.0),
        ("numeric", "no idea", "1", 0.0),
        ("numeric", "#### 3.0000001", "3", 1.0),
        ("numeric", "#### 3.01", "3", 0.0),
        ("option", "I choose (B)", "B", 1.0),
        ("option", "A or B? So C.", "c", 1.0),
        ("option", "#### b", "(B)", 1.0),
        ("option", "BAD", "B", 0.0),
        ("option", "", "B", 0.0),
        ("f1", "The cat sat", "a cat sat down", 0.8),
        ("f1", "#### cat", "cat", 1.0),
        ("f1", "dog", "cat", 0.0),
        ("f1", "", "", 0.0),
    ],
)
def test_reward_by_kind(kind: str, completion: str, answer: str, reward: float) -> None:
    assert reward_of(kind, completion, answer) == pytest.approx(reward)


@given(st.sampled_from(PROBLEM_TYPES), st.text(), st.text())
def test_reward_is_between_zero_and_one_for_any_completion(kind: str, completion: str, answer: str) -> None:
    assert 0.0 <= reward_of(kind, completion, answer) <= 1.0


@given(st.fractions(min_value=-(10**6), max_value=10**6))
def test_a_number_equals_itself_in_any_notation(value: Fraction) -> None:
    text = f"{value.numerator}/{value.denominator}"
    assert parse_number(text) == value
    assert reward_of("numeric", f"#### {text}", text) == 1.0
