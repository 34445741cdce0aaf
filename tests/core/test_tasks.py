"""Procedural sources: reproducible, held out, and solved correctly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.core.randomness import Draws
from campaign.core.tasks import (
    SOURCES,
    Addition,
    Ledger,
    ModularProduct,
    Sorting,
    draw_task,
    held_out,
    write_exactly,
)
from campaign.core.traces import TraceStyle, write_trace

PINNED = ["add 997 373", "17 times 3 mod 4", "sort 7 9 5 6 4", "ann has 7 loses 2 loses 2 gets 3"]

sources = st.sampled_from(sorted(SOURCES))
levels = st.integers(0, 1)


@given(sources, levels, st.integers(0, 10**6))
def test_task_of_a_key_is_the_same_again(source: str, level: int, index: int) -> None:
    assert draw_task(source, "train 3", level, index) == draw_task(source, "train 3", level, index)


def test_tasks_do_not_change_between_releases() -> None:
    """Shipped weights and published curves belong to these very questions."""
    assert [draw_task(source, "train 0", 1, 0).question for source in SOURCES] == PINNED


@given(sources, levels, st.integers(0, 10**6))
def test_question_of_the_eval_split_is_in_no_other_split(source: str, level: int, index: int) -> None:
    assert held_out(draw_task(source, "eval", level, index).question)
    assert not held_out(draw_task(source, "train 0", level, index).question)


@given(levels, st.integers(0, 10**6))
def test_addition_is_solved_like_python_adds(level: int, index: int) -> None:
    task = draw_task("add", "train 0", level, index)
    assert isinstance(task, Addition)
    assert task.solve(write_exactly).answer == str(task.left + task.right)


@given(levels, st.integers(0, 10**6))
def test_modular_product_is_solved_like_python_does(level: int, index: int) -> None:
    task = draw_task("modmul", "train 0", level, index)
    assert isinstance(task, ModularProduct)
    assert task.solve(write_exactly).answer == str(task.left * task.right % task.modulus)


@given(levels, st.integers(0, 10**6))
def test_sorting_is_solved_like_python_sorts(level: int, index: int) -> None:
    task = draw_task("sort", "train 0", level, index)
    assert isinstance(task, Sorting)
    assert task.solve(write_exactly).answer == " ".join(map(str, sorted(task.items)))


@given(levels, st.integers(0, 10**6))
def test_ledger_never_goes_below_zero(level: int, index: int) -> None:
    task = draw_task("chain", "train 0", level, index)
    assert isinstance(task, Ledger)
    value = task.start
    for verb, amount in task.changes:
        value = {"gets": value + amount, "loses": value - amount, "doubles": 2 * value}[verb]
        assert value >= 0
    assert task.solve(write_exactly).answer == str(value)


@given(sources, levels, st.integers(0, 10**6), st.integers(0, 100))
def test_slips_never_break_a_trace(source: str, level: int, index: int, draw: int) -> None:
    style = TraceStyle(guess=0.3, think=0.3, slip_rate=0.9)
    text = write_trace(draw_task(source, "train 0", level, index), style, Draws("test", draw))
    assert text.startswith(" ")
    assert text.rpartition("#### ")[2].replace(" ", "").isdigit()


def test_unknown_source_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        draw_task("subtract", "train 0", 0, 0)
