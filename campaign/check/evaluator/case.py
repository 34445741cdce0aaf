"""The result of evaluating a target in one case: under one combination of outcomes of its run-time tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from campaign.check.evaluator.state import Evaluator
from campaign.check.values import ExternalName, Origin, Value, reachable


@dataclass(slots=True)
class Case:
    """The outcomes of the run-time tests, and the values or the problem that the evaluation ended with."""

    tests: dict[str, bool]
    evaluator: Evaluator
    roots: dict[str, Value] = field(default_factory=dict)
    single: bool = False
    """There is one root, whose name does not occur in paths."""
    problem: str = ""
    place: Origin | None = None
    suggestion: str = ""
    raised: bool = False


def unused_imports(case: Case) -> dict[str, Origin]:
    """External modules that were imported and of which no value or effect of the configuration has a name."""
    effects = [
        value for effect in case.evaluator.effects for value in (*effect.args, *effect.kwargs.values())
    ]
    seen = {
        part.module for part in reachable([*case.roots.values(), *effects]) if isinstance(part, ExternalName)
    }
    return {name: origin for name, origin in case.evaluator.imports.items() if name not in seen}
