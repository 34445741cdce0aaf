"""The schema of the metrics: unambiguous, described, and identical to the table in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from campaign.metrics.definitions import METRICS, lookup, markdown_table, unknown

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_schema_names_each_metric_once() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))


def test_schema_describes_each_metric_in_a_sentence() -> None:
    assert all(metric.description.endswith(".") and len(metric.description) > 10 for metric in METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_lookup_of_a_metric_with_its_placeholders_filled_in_finds_it(metric) -> None:  # type: ignore[no-untyped-def]
    assert lookup(re.sub(r"<\w+>", "x-1", metric.name)) == metric


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_schema_has_one_definition_for_each_name(metric) -> None:  # type: ignore[no-untyped-def]
    name = re.sub(r"<\w+>", "x-1", metric.name)
    assert [other.name for other in METRICS if other.pattern.fullmatch(name)] == [metric.name]


@pytest.mark.parametrize(
    "name", ["", "los", "loss ", "val/add", "val/a/b/correct_rate", "Step", "elo/a/b", "val//correct_rate"]
)
def test_lookup_of_a_name_outside_the_schema_is_none(name: str) -> None:
    assert lookup(name) is None


def test_unknown_names_are_reported_sorted_and_once() -> None:
    assert unknown(["zeta", "loss", "alpha", "zeta"]) == ["alpha", "zeta"]


def test_docs_table_is_the_schema() -> None:
    assert markdown_table() in DOCS.read_text(encoding="utf-8")
