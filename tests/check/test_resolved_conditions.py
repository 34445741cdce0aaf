"""The proof over resolved conditions, and its agreement with running their modules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from campaign.check.resolved_conditions import (
    first_disagreement,
    prove_resolved_conditions,
    verify_against_execution,
)
from campaign.errors import InternalDisagreement
from campaign.spec.config import AlgorithmSection, RunConfig, TrainingSection

from .conftest import REPOSITORY, Write


@dataclass(frozen=True)
class Condition:
    label: str
    config: RunConfig


@dataclass(frozen=True)
class Plan:
    conditions: tuple[Condition, ...]
    under_test: tuple[str, ...] = ("algorithm.advantage_mode",)


def plan(**training: Any) -> Plan:
    base = RunConfig(condition="a")
    variant = RunConfig(
        condition="b",
        algorithm=AlgorithmSection(advantage_mode="maxrl"),
        training=TrainingSection(**training),
    )
    return Plan((Condition("a", base), Condition("b", variant)))


def test_conditions_that_differ_in_the_field_under_test_are_proven() -> None:
    result = prove_resolved_conditions(plan())
    assert result.verdict == "proven"
    assert {found.kind for found in result.variants[0].findings} == {"under_test", "label"}


def test_conditions_that_differ_elsewhere_are_a_confound() -> None:
    result = prove_resolved_conditions(plan(lr=1e-3))
    assert result.verdict == "confound"
    assert [found.path for found in result.variants[0].findings if found.kind == "confound"] == [
        "training.lr"
    ]


def test_evaluated_and_executed_conditions_agree() -> None:
    files = sorted((REPOSITORY / "conditions/credit_assignment").glob("[!_]*.py"))
    verify_against_execution([path.relative_to(REPOSITORY).as_posix() for path in files], REPOSITORY)


def test_tree_that_is_not_what_execution_gives_is_a_disagreement(write: Write) -> None:
    """Evaluating another name than the one that is executed stands for an evaluator that is wrong."""
    root: Path = write(a="config = {'lr': 1}\nother = {'lr': 2}\n")
    with pytest.raises(InternalDisagreement, match=r"give different values of config\.lr"):
        verify_against_execution(["a.py"], root, "names:other")


@pytest.mark.parametrize(
    ("left", "right", "where"),
    [
        ({"$dict": [["a", {"$int": "1"}]]}, {"$dict": [["a", {"$float": "1.0"}]]}, "config.a"),
        ({"$dict": [["a", True]]}, {"$dict": [["a", 1]]}, "config.a"),
        ({"$dict": [["a", True]]}, {"$dict": [["b", True]]}, "config"),
        ([1, 2], [1], "config"),
        ({"$term": "add", "operands": []}, {"$int": "3"}, ""),
        ({"$dict": [["a", None]]}, {"$dict": [["a", None]]}, ""),
    ],
)
def test_first_disagreement_names_the_place_and_skips_what_is_not_known(
    left: Any, right: Any, where: str
) -> None:
    assert first_disagreement(left, right, "config") == where


def test_module_that_uses_its_own_name_is_not_a_disagreement(write: Write) -> None:
    root = write(a="config = {'name': __name__}\nif __name__ == '__main__': config['lr'] = 1\n")
    verify_against_execution(["a.py"], root)
