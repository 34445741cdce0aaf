"""A plan as readers of a folder see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from campaign.errors import UsageError
from campaign.folder.plan_document import PlanDocument, plan_or_empty, read_plan
from campaign.spec.config import RunConfig
from campaign.spec.plan_json import plan_to_json
from campaign.spec.planned_runs import Condition, Plan, PlannedRun


def test_what_the_spec_writes_is_what_a_reader_finds(tmp_path: Path) -> None:
    condition = Condition("base", {}, RunConfig(condition="base"))
    run = PlannedRun(condition, 7, "v1:abc", "run", "new")
    plan = Plan(
        "c",
        (condition,),
        (7,),
        (run,),
        ("training.lr",),
        looks=(7,),
        on_failure="stop",
        hypotheses=({"name": "h"},),
    )
    document = {**plan_to_json(plan), "provenance": {"workdir": "/x"}, "earlier": [{"workdir": "/y"}]}
    (tmp_path / "plan.json").write_text(json.dumps(document))
    found = read_plan(tmp_path / "plan.json")
    assert (found.name, found.labels, found.seeds, found.looks) == ("c", ("base",), (7,), (7,))
    assert [(run.id, run.condition, run.seed, run.identity) for run in found.runs] == [
        ("base_s7", "base", 7, "v1:abc")
    ]
    assert found.conditions[0].max_steps == condition.config.training.max_steps
    assert (found.under_test, found.on_failure) == (("training.lr",), "stop")
    assert (found.hypotheses, found.provenance) == (({"name": "h"},), {"workdir": "/x"})
    assert found.earlier == ({"workdir": "/y"},)


def test_a_plan_that_is_missing_is_empty(tmp_path: Path) -> None:
    assert read_plan(tmp_path / "plan.json") == PlanDocument()


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"seeds": "x"}', '{"conditions": [{"label": "a", "config": 3}]}']
)
def test_a_damaged_plan_is_an_error_unless_it_is_about_to_be_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"plan\.json cannot be read"):
        read_plan(path)
    assert plan_or_empty(path) == PlanDocument()
