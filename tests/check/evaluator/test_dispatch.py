"""Handlers are chosen by the type of a payload."""

from __future__ import annotations

from typing import Any

from campaign.check.evaluator import dispatch
from campaign.check.evaluator.dispatch import ATTRIBUTES, CALLS, ITERATION, TRUTH, ByPayload
from campaign.check.values import Nondeterministic, Placeholder


def test_a_subclass_shares_the_handler_of_its_nearest_base() -> None:
    table: ByPayload[Any] = ByPayload({object: "default", int: "int"})
    assert (table[int], table[bool], table[str]) == ("int", "int", "default")


def test_a_placeholder_is_handled_as_the_nondeterministic_value_that_it_is() -> None:
    for table in (CALLS, ATTRIBUTES, ITERATION, TRUTH):
        assert table[Placeholder] is table[Nondeterministic]


def test_every_table_of_payloads_has_a_default() -> None:
    import campaign.check.proof  # noqa: F401 (fills the tables)

    tables = {name: table for name, table in vars(dispatch).items() if isinstance(table, ByPayload)}
    assert len(tables) >= 9
    assert [name for name, table in tables.items() if object not in table] == []
