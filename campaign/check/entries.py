"""Evaluates a target: runs through its file in all cases and selects the part that the entry names."""

from __future__ import annotations

import os.path

from campaign.check.builtins import functions, standard_library  # noqa: F401
from campaign.check.claim.targets import Entry, Target
from campaign.check.dialects import contexts, documents, frameworks, mmengine  # noqa: F401
from campaign.check.dialects.mappings import OMEGA, nested
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
from campaign.check.evaluator.hashed_containers import merge
from campaign.check.evaluator.imports import load
from campaign.check.evaluator.state import Args, Budget, Evaluator
from campaign.check.sources import Sources, Unreadable
from campaign.check.values import (
    EXTERNAL,
    ClassObj,
    DictObj,
    ExternalName,
    FuncObj,
    ModuleObj,
    Origin,
    Value,
)
from campaign.check.values.constants import lift
from campaign.check.values.limits import CASES, Decisions, Halt, Raised, TookTooLong
from campaign.check.workers import time_limit
from campaign.errors import UsageError
from campaign.suggest import did_you_mean


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
        case.roots, case.single = load_entry(target, entry, evaluator)
        refuse_unfinished(evaluator)
    except Halt as halt:
        case.problem, case.place = halt.reason, halt.origin
        case.suggestion = halt.suggestion or "write the value out"
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
        # A bug of the evaluator must not become a PASS, nor hide the results of the other variants.
        case.problem = f"cannot be evaluated: {type(error).__name__} in the evaluator ({error})"
        case.suggestion = "report it with the file: this is a bug of campaign"
    finally:
        finish(evaluator)
    return case


def load_entry(target: Target, entry: Entry | None, evaluator: Evaluator) -> tuple[dict[str, Value], bool]:
    if target.is_document:
        return documents.load_document(evaluator, target, entry)
    at = Origin(evaluator.sources.display_path(target.path), 1, 1)
    if (entry is not None and entry.kind == "mmengine") or (
        entry is None and mmengine.has_base(evaluator, target.path)
    ):
        return mmengine.load_config(evaluator, target.path, at), False
    if entry is not None and entry.kind == "lazyconfig":
        evaluator.fresh_imports, evaluator.base_dialect = True, OMEGA
    name = evaluator.sources.display_path(target.path).removesuffix(".py").replace("/", ".")
    package_file = os.path.join(os.path.dirname(target.path), "__init__.py")
    if evaluator.sources.is_file(package_file) and package_file != target.path:
        load(evaluator, package_file, os.path.basename(os.path.dirname(target.path)), at)
    module = load(evaluator, target.path, name, at)
    if target.name:
        return {target.name: entry_value(evaluator, module, target, target.name, at)}, True
    entry = entry or default_entry(module)
    return select_roots(evaluator, module, target, entry, at)


def default_entry(module: ModuleObj) -> Entry:
    names = module.scope.vars
    if isinstance(getattr(names.get("get_config"), "payload", None), FuncObj):
        return Entry("call", ("get_config",))
    if "config" in names and "config" not in module.imported:
        return Entry("names", ("config",))
    return Entry("all")


def select_roots(
    evaluator: Evaluator, module: ModuleObj, target: Target, entry: Entry, at: Origin
) -> tuple[dict[str, Value], bool]:
    if entry.kind == "call":
        name = entry.names[0]
        return {name: entry_value(evaluator, module, target, name, at, called=True)}, True
    if entry.kind == "class":
        value = module_value(module, entry.names[0])
        if not isinstance(value.payload, (ClassObj, *EXTERNAL)):
            raise UsageError(f"{target.text}: {entry.names[0]} is not a class")
        return {entry.names[0]: value}, True
    if entry.kind == "names":
        roots = {name: resolve_path(evaluator, module, name, at) for name in entry.names}
        return roots, len(roots) == 1
    if entry.kind == "merge":
        return {
            "": merge(evaluator, [resolve_path(evaluator, module, name, at) for name in entry.names], at)
        }, True
    if entry.kind == "lazyconfig":
        return _lazy_names(evaluator, module, at), False
    return public_names(module), False


def entry_value(
    evaluator: Evaluator, module: ModuleObj, target: Target, name: str, at: Origin, called: bool = False
) -> Value:
    """The value of a name; if it is a function, the result of a call."""
    value = module_value(module, name)
    if called or isinstance(value.payload, FuncObj):
        here = Origin(at.file, at.line, at.column, (), "literal", target.arguments)
        keywords = {key: lift(item, here) for key, item in target.arguments}
        return evaluator.call(value, Args([], keywords), value.origin, module.scope)
    if target.arguments:
        raise UsageError(f"{target.text}: {name} is not a function, so that it takes no arguments")
    return value


def module_value(module: ModuleObj, name: str) -> Value:
    value = module.scope.vars.get(name)
    if value is None:
        raise UsageError(
            f"{module.display_path}: has no {name!r}{did_you_mean(name, module.scope.vars, before='; ')}"
        )
    return value


def resolve_path(evaluator: Evaluator, module: ModuleObj, path: str, at: Origin) -> Value:
    """The value at a dotted path, whose first part is a name of the module."""
    first, *rest = path.split(".")
    value = module_value(module, first)
    for step in rest:
        if isinstance(value.payload, DictObj):
            value = evaluator.get_item(value, Value(step, at), at)
        else:
            value = evaluator.get_attribute(value, step, at)
    return value


def public_names(module: ModuleObj) -> dict[str, Value]:
    """Every public name that the module itself binds: no modules, and no imported functions, classes or external names."""
    return {
        name: value
        for name, value in module.scope.vars.items()
        if not name.startswith("_")
        and name not in module.imported
        and not isinstance(value.payload, ModuleObj)
    }


def _lazy_names(evaluator: Evaluator, module: ModuleObj, at: Origin) -> dict[str, Value]:
    """What detectron2's `LazyConfig.load` keeps: public dicts."""
    roots = {}
    for name, value in module.scope.vars.items():
        if name.startswith("_") or isinstance(value.payload, ExternalName):
            continue
        if isinstance(value.payload, DictObj):
            roots[name] = nested(evaluator, value, OMEGA, at)
        elif isinstance(value.payload, EXTERNAL):
            roots[name] = value
    return roots
