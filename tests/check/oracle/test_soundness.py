"""The checker against the oracle: never a proof where running both sides shows a difference.

A failure prints the seeds' texts; `mutant(kind, seed)` and `chain(seed)` give the same pair again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from .cases import Case, load
from .checking import about_case, about_pair
from .mutants import Pair, chains, mutants
from .spread import spread

ALLOWED_ALARMS = 0.01


@dataclass
class Tally:
    """What the checker said about many pairs, by what running them showed."""

    separated: int = 0
    preserved: int = 0
    """Pairs that agree after edits that all mean to preserve. Where another edit happened to change nothing that
    shows (a value that nothing reads, an environment that is not among ours), an alarm may well be right."""
    missed: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def add(self, pair: Pair) -> None:
        verdict, why = about_pair(pair)
        places = pair.separated
        if places:
            self.separated += 1
            if verdict == "proven":
                self.missed.append(f"{pair.edits} {places[:3]}\n{pair.shared}\n{pair.variant_text}")
        elif set(pair.intents) == {"preserving"}:
            self.preserved += 1
            if verdict != "proven":
                self.alarms.append(f"{pair.family.dialect} {pair.edits}: {verdict} {why}")


def _tally(pairs: Iterable[Pair]) -> Tally:
    tally = Tally()
    for pair in pairs:
        tally.add(pair)
    return tally


def _tally_mutants(count: int, start: int) -> Tally:
    return _tally(mutants(count, start))


def _tally_chains(count: int, start: int) -> Tally:
    return _tally(chains(count, start))


def _sum(parts: Iterable[Tally]) -> Tally:
    total = Tally()
    for part in parts:
        total.separated += part.separated
        total.preserved += part.preserved
        total.missed += part.missed
        total.alarms += part.alarms
    return total


def _assert_sound_and_quiet(tally: Tally) -> None:
    assert tally.missed == []
    assert len(tally.alarms) <= ALLOWED_ALARMS * tally.preserved, "\n".join(tally.alarms)
    assert tally.separated > 100
    assert tally.preserved > 30


def test_mutants_are_never_proven_where_running_separates_them() -> None:
    _assert_sound_and_quiet(_tally_mutants(500, start=0))


def test_chains_of_edits_are_never_proven_where_running_separates_them() -> None:
    tally = _tally_chains(100, start=0)
    assert tally.missed == []
    assert len(tally.alarms) <= 1 + ALLOWED_ALARMS * tally.preserved, "\n".join(tally.alarms)


@pytest.mark.slow
def test_many_mutants_are_never_proven_where_running_separates_them() -> None:
    _assert_sound_and_quiet(_sum(spread(_tally_mutants, 5000, start=100)))


@pytest.mark.slow
def test_many_chains_are_never_proven_where_running_separates_them() -> None:
    _assert_sound_and_quiet(_sum(spread(_tally_chains, 1000, start=1000)))


@pytest.mark.parametrize("case", load("traps"), ids=lambda case: case.name)
def test_trap_is_never_proven(case: Case) -> None:
    verdict, _ = about_case(case)
    assert verdict in ("confound", "unproven", "error"), case.about


@pytest.mark.parametrize("case", load("twins"), ids=lambda case: case.name)
def test_twin_is_proven(case: Case) -> None:
    verdict, why = about_case(case)
    assert verdict == "proven", f"{case.about}: {why}"
