"""One evaluation of a target under one outcome of its run-time tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from campaign.check.evaluator.state import Evaluator
from campaign.check.values import ExternalName, Origin, Value, reachable


@dataclass(slots=True)
class Case:
    """One evaluation of a target: how run-time tests came out, and what it gave."""

    tests: dict[str, bool]
    evaluator: Evaluator
    roots: dict[str, Value] = field(default_factory=dict)
    single: bool = False
    """One value whose paths need no name in front."""
    problem: str = ""
    place: Origin | None = None
    suggestion: str = ""
    raised: bool = False


def unused_imports(case: Case) -> dict[str, Origin]:
    """Modules from outside that were imported and of which nothing is in the configuration."""
    effects = [
        value for effect in case.evaluator.effects for value in (*effect.args, *effect.kwargs.values())
    ]
    seen = {
        part.module for part in reachable([*case.roots.values(), *effects]) if isinstance(part, ExternalName)
    }
    return {name: origin for name, origin in case.evaluator.imports.items() if name not in seen}
