"""One evaluation of a target under one outcome of its run-time tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from campaign.check.evaluator.state import Evaluator
from campaign.check.values.lattice import Origin, Value


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
