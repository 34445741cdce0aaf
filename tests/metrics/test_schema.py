"""The schema of the metrics: complete, unambiguous, and what the docs say."""

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
    assert all(metric.what.endswith(".") and len(metric.what) > 10 for metric in METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_lookup_of_a_metric_with_its_placeholders_filled_in_finds_it(metric) -> None:  # type: ignore[no-untyped-def]
    assert lookup(re.sub(r"<\w+>", "x-1", metric.name)) == metric


def test_lookup_prefers_the_exact_name_to_a_pattern() -> None:
    found = lookup("debate/shaped_reward")
    assert found is not None
    assert found.name == "debate/shaped_reward"


@pytest.mark.parametrize(
    "name", ["", "los", "loss ", "val/add", "val/a/b/correct_rate", "Step", "elo/a/b", "val//correct_rate"]
)
def test_lookup_of_a_name_outside_the_schema_is_none(name: str) -> None:
    assert lookup(name) is None


def test_unknown_names_are_reported_sorted_and_once() -> None:
    assert unknown(["zeta", "loss", "alpha", "zeta"]) == ["alpha", "zeta"]


def test_docs_table_is_the_schema() -> None:
    assert markdown_table() in DOCS.read_text(encoding="utf-8")
