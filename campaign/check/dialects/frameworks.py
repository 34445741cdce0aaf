"""Functions of configuration frameworks that are followed: their results have a known shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.dialects.mappings import ML, MMENGINE, OMEGA, nested
from campaign.check.evaluator.hashed_containers import pairs_of, store
from campaign.check.evaluator.state import EXTERNAL_FUNCTIONS, Args, Evaluator, Site
from campaign.check.values import Builtin, ClassObj, DictObj, ExternalName, FuncObj, Origin, Value
from campaign.check.values.limits import Halt

Function = Callable[[Evaluator, Args, Site], Value]


def ml_config_dict(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`ml_collections.ConfigDict(initial)`."""
    result = DictObj({}, ML)
    options = {name: args.keywords[name] for name in args.keywords if name in ("type_safe", "convert_dict")}
    for name, value in options.items():
        if not isinstance(value.payload, bool):
            raise Halt(f"ConfigDict({name}=...) only known at run time", site.at)
        result.flags[name] = value.payload
    initial = args.positional or [
        args.keywords[name] for name in args.keywords if name == "initial_dictionary"
    ]
    for key, item in pairs_of(evaluator, Args(list(initial[:1])), site.at):
        store(evaluator, result, key, nested(evaluator, item, ML, site.at), site.at)
    return Value(result, site.at)


def refuse(name: str, suggestion: str = "") -> Function:
    def known(evaluator: Evaluator, args: Args, site: Site) -> Value:
        raise Halt(f"{name} is not followed", site.at, suggestion)

    return known


def lazy_call(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """detectron2's `LazyCall(X)`: called with keywords it gives a `DictConfig` with `_target_`."""
    target = args.positional[0]

    def build(evaluator: Evaluator, given: Args, inner: Site) -> Value:
        if given.positional:
            raise evaluator.error(TypeError, "LazyCall takes keyword arguments only", inner.at)
        result = DictObj({}, OMEGA)
        store(evaluator, result, Value("_target_", inner.at), Value(target.payload, target.origin), inner.at)
        for name, value in given.keywords.items():
            store(
                evaluator,
                result,
                Value(name, inner.at),
                nested(evaluator, value, OMEGA, inner.at),
                inner.at,
            )
        origins = tuple(value.origin for value in (target, *given.keywords.values()))
        return Value(result, Origin(inner.at.file, inner.at.line, inner.at.column, origins))

    if not isinstance(target.payload, ExternalName | ClassObj | FuncObj | str):
        raise Halt("LazyCall of something that is not a name", site.at)
    return Value(Builtin("LazyCall", build), site.at)


def omega_create(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if args.keywords or len(args.positional) != 1 or not isinstance(args.positional[0].payload, DictObj):
        raise Halt("OmegaConf.create() of something that is not a dict", site.at)
    return nested(evaluator, args.positional[0], OMEGA, site.at)


def mm_config_dict(evaluator: Evaluator, args: Args, site: Site) -> Value:
    result = DictObj({}, MMENGINE)
    for key, item in pairs_of(evaluator, args, site.at):
        store(evaluator, result, key, nested(evaluator, item, MMENGINE, site.at), site.at)
    return Value(result, site.at)


FRAMEWORKS: dict[str, Any] = {
    "ml_collections.ConfigDict": ml_config_dict, "ml_collections.config_dict.ConfigDict": ml_config_dict,
    "ml_collections.config_dict.create": lambda evaluator, args, site: mm_like_create(evaluator, args, site),
    "ml_collections.FieldReference": refuse("ml_collections.FieldReference", "write the value out"),
    "ml_collections.config_dict.FieldReference": refuse("ml_collections.FieldReference", "write the value out"),
    "ml_collections.FrozenConfigDict": refuse("FrozenConfigDict", "use ConfigDict"),
    "ml_collections.config_dict.FrozenConfigDict": refuse("FrozenConfigDict", "use ConfigDict"),
    "ml_collections.config_dict.placeholder": refuse("placeholder", "write a value"),
    "ml_collections.config_dict.required_placeholder": refuse("required_placeholder", "write a value"),
    "detectron2.config.LazyCall": lazy_call, "detectron2.config.lazy.LazyCall": lazy_call,
    "omegaconf.OmegaConf.create": omega_create, "omegaconf.DictConfig": omega_create,
    "mmengine.config.ConfigDict": mm_config_dict, "mmengine.ConfigDict": mm_config_dict,
}  # fmt: skip


def mm_like_create(evaluator: Evaluator, args: Args, site: Site) -> Value:
    """`config_dict.create(a=1)`."""
    return ml_config_dict(
        evaluator,
        Args([Value(DictObj({n: (Value(n, site.at), v) for n, v in args.keywords.items()}), site.at)]),
        site,
    )


EXTERNAL_FUNCTIONS.update(FRAMEWORKS)
