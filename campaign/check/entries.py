"""From a target to its configuration: evaluate the file, take the part that the entry names."""

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
from campaign.check.workers import in_time
from campaign.errors import UsageError


def evaluate(
    target: Target, entry: Entry | None, sources: Sources, boundary: Boundary, side: str
) -> list[Case]:
    """All cases of a target; one case when nothing depends on a run-time test."""
    try:
        with in_time():
            return _evaluate(target, entry, sources, boundary, side)
    except TookTooLong:
        evaluator = Evaluator(sources, boundary, side, Decisions({}), Budget(0))
        suggestion = "make the file smaller, or move what it computes out of the configuration"
        return [Case({}, evaluator, problem="takes too long to evaluate", suggestion=suggestion)]


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
            too_many = f"more than {CASES} ways in which tests on run-time values can come out"
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
    except (RecursionError, MemoryError):
        case.problem = "is nested too deeply"
    except Unreadable as problem:
        case.problem = problem.reason
        case.place = Origin(evaluator.sources.display_path(target.path), problem.line, problem.column)
    except UsageError:
        raise
    except Exception as error:
        case.problem = f"the checker failed: {type(error).__name__} ({error}); please report it"
    finally:
        finish(evaluator)
    return case
