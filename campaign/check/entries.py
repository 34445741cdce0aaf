"""Evaluates a target: runs through its file in all cases and selects the part that the entry names."""

from __future__ import annotations

from campaign.check.builtins import functions, standard_library  # noqa: F401
from campaign.check.claim.targets import Entry, Target
from campaign.check.dialects.registry import dialect_of
from campaign.check.evaluator import (  # noqa: F401
    assignments,
    attribute_changes,
    attributes,
    calls,
    comparisons,
    expressions,
    iteration,
    operators,
    statements,
    subscripts,
    truth,
)
from campaign.check.evaluator.boundary import Boundary
from campaign.check.evaluator.case import Case
from campaign.check.evaluator.generators import finish, refuse_unfinished
from campaign.check.evaluator.state import Budget, Evaluator
from campaign.check.sources import Sources, Unreadable
from campaign.check.values import Origin
from campaign.check.values.limits import CASES, Decisions, Halt, Raised, TookTooLong
from campaign.check.workers import time_limit
from campaign.errors import UsageError


def evaluate(
    target: Target, entry: Entry | None, sources: Sources, boundary: Boundary, side: str
) -> list[Case]:
    """All cases of a target; one case when nothing depends on a run-time test."""
    try:
        with time_limit():
            return _evaluate(target, entry, sources, boundary, side)
    except TookTooLong:
        evaluator = Evaluator(sources, boundary, side, Decisions({}), Budget(0))
        suggestion = "make the file smaller, or move what it computes out of the configuration"
        return [Case({}, evaluator, problem="the evaluation takes too long", suggestion=suggestion)]


def _evaluate(
    target: Target, entry: Entry | None, sources: Sources, boundary: Boundary, side: str
) -> list[Case]:
    budget = Budget()
    pending: list[dict[str, bool]] = [{}]
    cases: list[Case] = []
    while pending:
        given = pending.pop()
        decisions = Decisions(given)
        case = evaluate_case(target, entry, Evaluator(sources, boundary, side, decisions, budget))
        cases.append(case)
        if not (case.problem and not case.raised):
            pending.extend(decisions.alternatives(given))
        if len(cases) + len(pending) > CASES:
            too_many = (
                f"tests on values only known at run time have more than {CASES} combinations of outcomes"
            )
            return [Case({}, case.evaluator, problem=too_many, suggestion="test fewer environment variables")]
    return cases


def evaluate_case(target: Target, entry: Entry | None, evaluator: Evaluator) -> Case:
    case = Case(evaluator.decisions.taken, evaluator)
    try:
        case.roots, case.single = dialect_of(evaluator, target, entry).load(evaluator, target, entry)
        refuse_unfinished(evaluator)
    except Halt as halt:
        case.problem, case.place, case.suggestion = halt.reason, halt.origin, halt.suggestion
    except Raised as raised:
        text = f": {raised.message}" if raised.message else ""
        case.problem, case.place, case.raised = f"raises {raised.name}{text}", raised.error.origin, True
        case.suggestion = "change the file so that it does not raise"
    except (RecursionError, MemoryError):
        case.problem, case.suggestion = "is nested too deeply to evaluate", "nest the code less deeply"
    except Unreadable as problem:
        case.problem, case.suggestion = problem.reason, "correct the file so that it can be read and parsed"
        case.place = Origin(evaluator.sources.display_path(target.path), problem.line, problem.column)
    except UsageError:
        raise
    except Exception as error:
        # A bug of the checker must not become a PASS, nor hide the results of the other variants.
        case.problem = f"the checker failed: {type(error).__name__} ({error})"
        case.suggestion = "report it with the file: this is a bug in campaign"
    finally:
        finish(evaluator)
    return case
