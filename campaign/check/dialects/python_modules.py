"""Plain Python modules: a configuration is a name, a class, the result of a function, or several merged."""

from __future__ import annotations

from campaign.check.claim.targets import Entry, Target
from campaign.check.dialects.base import Dialect, Roots, load_module, start_of
from campaign.check.evaluator.hashed_containers import merge
from campaign.check.evaluator.state import Args, Evaluator
from campaign.check.values import EXTERNAL, ClassObj, DictObj, FuncObj, ModuleObj, Origin, Value
from campaign.check.values.constants import lift
from campaign.errors import UsageError
from campaign.suggest import did_you_mean


class PythonModules(Dialect):
    """Loads what no framework's dialect loads."""

    def loads(self, evaluator: Evaluator, target: Target, entry: Entry | None) -> bool:
        return True

    def load(self, evaluator: Evaluator, target: Target, entry: Entry | None) -> Roots:
        module, at = load_module(evaluator, target), start_of(evaluator, target)
        if target.name:
            return {target.name: named_part(evaluator, module, target, target.name, at)}, True
        entry = entry or _detected_entry(module)
        if entry.kind == "call":
            name = entry.names[0]
            return {name: named_part(evaluator, module, target, name, at, called=True)}, True
        if entry.kind == "class":
            value = _named(module, entry.names[0])
            if not isinstance(value.payload, (ClassObj, *EXTERNAL)):
                raise UsageError(f"{target.text}: {entry.names[0]} is not a class")
            return {entry.names[0]: value}, True
        if entry.kind == "names":
            return {name: _at_path(evaluator, module, name, at) for name in entry.names}, len(
                entry.names
            ) == 1
        if entry.kind == "merge":
            layers = [_at_path(evaluator, module, name, at) for name in entry.names]
            return {"": merge(evaluator, layers, at)}, True
        return _public_names(module), False


def _detected_entry(module: ModuleObj) -> Entry:
    names = module.scope.vars
    if isinstance(getattr(names.get("get_config"), "payload", None), FuncObj):
        return Entry("call", ("get_config",))
    if "config" in names and "config" not in module.imported:
        return Entry("names", ("config",))
    return Entry("all")


def named_part(
    evaluator: Evaluator, module: ModuleObj, target: Target, name: str, at: Origin, called: bool = False
) -> Value:
    """A function's result, or the value of a name."""
    value = _named(module, name)
    if called or isinstance(value.payload, FuncObj):
        here = Origin(at.file, at.line, at.column, (), "literal", target.arguments)
        keywords = {key: lift(item, here) for key, item in target.arguments}
        return evaluator.call(value, Args([], keywords), value.origin, module.scope)
    if target.arguments:
        raise UsageError(f"{target.text}: {name} is not a function, it takes no arguments")
    return value


def _named(module: ModuleObj, name: str) -> Value:
    value = module.scope.vars.get(name)
    if value is None:
        raise UsageError(
            f"{module.display_path}: has no {name!r}{did_you_mean(name, module.scope.vars, before='; ')}"
        )
    return value


def _at_path(evaluator: Evaluator, module: ModuleObj, path: str, at: Origin) -> Value:
    """`a.b.c` from a module's name `a`."""
    first, *rest = path.split(".")
    value = _named(module, first)
    for step in rest:
        if isinstance(value.payload, DictObj):
            value = evaluator.get_item(value, Value(step, at), at)
        else:
            value = evaluator.get_attribute(value, step, at)
    return value


def _public_names(module: ModuleObj) -> dict[str, Value]:
    """Every public name but modules, and functions, classes and external names that were imported."""
    return {
        name: value
        for name, value in module.scope.vars.items()
        if not name.startswith("_")
        and name not in module.imported
        and not isinstance(value.payload, ModuleObj)
    }
