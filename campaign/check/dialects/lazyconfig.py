"""detectron2's LazyConfig: `LazyCall`, and modules whose relative imports are executed anew each time."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from campaign.check.claim.targets import Entry, Target
from campaign.check.dialects.base import Dialect, Roots, load_module, start_of
from campaign.check.dialects.omegaconf import OMEGA
from campaign.check.dialects.python_modules import entry_value
from campaign.check.evaluator.hashed_containers import store
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.values import (
    Builtin,
    ClassObj,
    DictObj,
    ExternalName,
    FuncObj,
    ModuleObj,
    Origin,
    Value,
    is_external,
)
from campaign.check.values.limits import Halt


def lazy_call(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`LazyCall(X)`: called with keywords it gives a `DictConfig` with `_target_`."""
    target = args.positional[0]
    if not isinstance(target.payload, ExternalName | ClassObj | FuncObj | str):
        raise Halt(
            "the checker cannot evaluate LazyCall of something that has no name", site.at, "give it a class"
        )
    return Value(Builtin("LazyCall", partial(_described_call, target)), site.at)


def _described_call(target: Value, evaluator: Evaluator, args: Args, site: Site) -> Value:
    at = site.at
    if args.positional:
        raise evaluator.error(TypeError, "LazyCall takes keyword arguments only", at)
    result = DictObj({}, OMEGA)
    store(evaluator, result, Value("_target_", at), target, at)
    for name, value in args.keywords.items():
        store(evaluator, result, Value(name, at), OMEGA.convert(evaluator, value, at), at)
    origins = tuple(value.origin for value in (target, *args.keywords.values()))
    return Value(result, Origin(at.file, at.line, at.column, origins))


class LazyConfig(Dialect):
    entry = "lazyconfig"
    functions: ClassVar = {
        "detectron2.config.LazyCall": lazy_call,
        "detectron2.config.lazy.LazyCall": lazy_call,
    }

    def load(self, evaluator: Evaluator, target: Target, entry: Entry | None) -> Roots:
        # `LazyConfig.load` patches the import system for its whole duration: a relative import executes its
        # file again, so that two configs never share an object, and its plain dicts become `DictConfig`.
        evaluator.fresh_imports, evaluator.base_dialect = True, OMEGA
        module, at = load_module(evaluator, target), start_of(evaluator, target)
        if target.name:
            return {target.name: entry_value(evaluator, module, target, target.name, at)}, True
        return _public_dicts(evaluator, module, at), False


def _public_dicts(evaluator: Evaluator, module: ModuleObj, at: Origin) -> dict[str, Value]:
    """What `LazyConfig.load` keeps of a module. An external object may be a dict, so it is kept as well."""
    roots = {}
    for name, value in module.scope.vars.items():
        if name.startswith("_") or isinstance(value.payload, ExternalName):
            continue
        if isinstance(value.payload, DictObj):
            roots[name] = OMEGA.convert(evaluator, value, at)
        elif is_external(value.payload):
            roots[name] = value
    return roots
