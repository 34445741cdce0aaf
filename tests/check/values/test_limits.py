"""The cases of a target cover every combination of outcomes of its run-time tests, each once."""

from __future__ import annotations

from collections import Counter

import pytest

from campaign.check.values.limits import CASES, Decisions, Halt


def evaluated(program: str) -> Counter[tuple[tuple[str, bool], ...]]:
    """The outcomes of the tests in each case of a program, which has a letter for each test; a test in capitals is
    only reached if the one before it was True."""
    pending: list[dict[str, bool]] = [{}]
    cases: Counter[tuple[tuple[str, bool], ...]] = Counter()
    while pending:
        given = pending.pop()
        decisions = Decisions(given)
        outcomes: list[tuple[str, bool]] = []
        for test in program:
            if test.islower() or not outcomes or outcomes[-1][1]:
                outcomes.append((test.lower(), decisions.decide(test.lower())))
        cases[tuple(outcomes)] += 1
        pending.extend(decisions.alternatives(given))
    return cases


@pytest.mark.parametrize(
    ("program", "cases"), [("", 1), ("a", 2), ("abc", 8), ("aba", 4), ("aB", 3), ("aBCd", 8)]
)
def test_each_combination_of_outcomes_is_one_case(program: str, cases: int) -> None:
    counted = evaluated(program)
    assert len(counted) == cases
    assert set(counted.values()) == {1}


def test_more_tests_than_the_limit_are_refused_with_a_suggestion() -> None:
    decisions = Decisions({})
    for index in range(CASES):
        decisions.decide(str(index))
    with pytest.raises(Halt) as refused:
        decisions.decide("one more")
    assert refused.value.suggestion
