"""OmegaConf: `DictConfig`, as `OmegaConf.create` and detectron2's `LazyCall` build it."""

from __future__ import annotations

from typing import ClassVar

from campaign.check.dialects.base import AttributeMapping, Dialect, refused_methods
from campaign.check.evaluator.state import Args, Evaluator, Site
from campaign.check.values import DictObj, ListObj, Origin, TupleObj, Value
from campaign.check.values.limits import Halt


class DictConfig(AttributeMapping):
    """OmegaConf's mapping. Lists and tuples become a `ListConfig`, which is a list here."""

    name = "omega"
    sequences: ClassVar = {ListObj: ListObj, TupleObj: ListObj}
    methods: ClassVar = refused_methods("DictConfig", {
        "copy": "use copy.deepcopy()", "update": "set the keys one by one",
        "setdefault": "test for the key and set it", "merge_with": "set the keys one by one",
    })  # fmt: skip

    def missing(self, evaluator: Evaluator, name: str, at: Origin) -> Halt:
        # None or an exception: it depends on the struct flag of the config, which is not modelled.
        return Halt(
            f"the checker cannot read {name!r}, which the configuration does not have", at, "set it first"
        )

    def convert_base(self, evaluator: Evaluator, value: Value, at: Origin) -> Value:
        """LazyConfig converts only plain dicts."""
        payload = value.payload
        plain = isinstance(payload, DictObj) and payload.is_plain
        return self.convert(evaluator, value, at) if plain else value


OMEGA = DictConfig()


def create(evaluator: Evaluator, args: Args, site: Site) -> Value:
    if args.keywords or len(args.positional) != 1 or not isinstance(args.positional[0].payload, DictObj):
        reason = "the checker cannot evaluate OmegaConf.create() of anything but one dict"
        raise Halt(reason, site.at, "give it a dict and nothing else")
    return OMEGA.convert(evaluator, args.positional[0], site.at)


class OmegaConf(Dialect):
    functions: ClassVar = {"omegaconf.OmegaConf.create": create, "omegaconf.DictConfig": create}
