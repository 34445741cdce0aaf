"""Which fields of a configuration are read, and the notes about fields that a campaign sets and nothing reads.

`RULES` is the one table: a field is read when every rule about it holds. A field without a rule is read by every
run and must be listed in `ALWAYS_READ`; a test refuses a field that is in neither, and another one runs the core to
show that a field that is not read changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import PurePath

from campaign.spec.config import ADVANTAGES, TRANSFORMS, RunConfig
from campaign.spec.consistency import PLACEHOLDERS
from campaign.spec.fields import fields, sections
from campaign.spec.identity import identity
from campaign.spec.planned_runs import Condition

MOST_NAMED = 4
"""Fields or conditions that a note lists."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition under which fields are read."""

    fields: tuple[str, ...]
    """Patterns of dotted paths."""
    holds: Callable[[RunConfig], bool]
    otherwise: str
    """Why the fields are not read, as a clause."""


def _is_hub_model(config: RunConfig) -> bool:
    # The path of a folder was made absolute when the file was read.
    return config.model.model != "embedded" and not PurePath(config.model.model).is_absolute()


def _transforms(config: RunConfig) -> bool:
    return config.algorithm.algorithm_mode is None and config.algorithm.transform_mode != "none"


RULES: tuple[Rule, ...] = (
    Rule(
        (
            "model.*", "data.*", "algorithm.*", "gtpo.*", "hicra.*", "sepa.*",
            "training.batch_size", "training.group_size", "training.max_tokens", "training.temperature",
            "training.lr", "training.lr_warmup_steps", "training.weight_decay", "training.betas",
            "training.max_grad_norm", "training.updates_per_batch", "training.clip_ratio",
            "training.eval_every", "training.eval_size", "training.save_every", "training.log_generations",
        ),
        lambda config: config.uses_built_in_core,
        "only the built-in core reads this, unless the command or entry point takes it from its configuration",
    ),
    Rule(
        ("core.options", "core.metrics"),
        lambda config: not config.uses_built_in_core,
        "this is for a command or an entry point, and the built-in core trains",
    ),
    Rule(
        ("core.options",),
        lambda config: not config.core.command or any("{config}" in part for part in config.core.command),
        "core.command has no {config}, so the program is not told where its settings are",
    ),
    Rule(
        ("model.lora_alpha", "model.lora_targets", "squeeze.*"),
        lambda config: config.model.lora_rank > 0,
        "this is about a LoRA adapter, and model.lora_rank is 0",
    ),
    Rule(("model.revision",), _is_hub_model, "this is the commit of a hub model, and model.model is not one"),
    Rule(
        ("data.sources", "data.level"),
        lambda config: config.data.path is None,
        "this is about procedural problems, and data.path is given",
    ),
    Rule(
        ("data.eval_path", "data.eval_path_sha256"),
        lambda config: config.data.path is not None,
        "this belongs to data.path, and without data.path the procedural sources have their own held-out problems",
    ),
    Rule(
        ("data.eval_path", "data.eval_path_sha256", "training.eval_size"),
        lambda config: config.training.eval_every > 0,
        "this is about evaluations, and training.eval_every is 0",
    ),
    Rule(
        ("training.eval_every", "training.eval_size"),
        lambda config: config.data.path is None or config.data.eval_path is not None,
        "this is about evaluations, and data.path is given without data.eval_path",
    ),
    Rule(
        ("training.clip_ratio",),
        lambda config: config.training.updates_per_batch > 1,
        "with one update per batch (training.updates_per_batch) no ratio is clipped",
    ),
    Rule(
        ("algorithm.advantage_mode", "algorithm.transform_mode"),
        lambda config: config.algorithm.algorithm_mode is None,
        "algorithm.algorithm_mode replaces this",
    ),
    Rule(
        ("algorithm.uncertainty_kind", "gtpo.*"),
        _transforms,
        "no transform uses this (algorithm.transform_mode)",
    ),
    Rule(
        ("algorithm.params",),
        lambda config: config.algorithm.algorithm_mode is not None,
        "this is for algorithm.algorithm_mode, which is not given",
    ),
    Rule(
        ("algorithm.advantage_params",),
        lambda config: (
            config.algorithm.algorithm_mode is None and config.algorithm.advantage_mode not in ADVANTAGES
        ),
        "this is for an advantage_mode that is a dotted path",
    ),
    Rule(
        ("algorithm.transform_params",),
        lambda config: _transforms(config) and config.algorithm.transform_mode not in TRANSFORMS,
        "this is for a transform_mode that is a dotted path",
    ),
    Rule(
        ("algorithm.kl_warmup_steps",),
        lambda config: config.algorithm.kl_coef > 0,
        "there is no KL term (algorithm.kl_coef is 0)",
    ),
    Rule(
        ("hicra.*",),
        lambda config: (
            _transforms(config)
            and (
                config.algorithm.transform_mode == "gtpo_hicra"
                or config.algorithm.transform_mode not in TRANSFORMS
            )
        ),
        "the transform does not use HICRA (algorithm.transform_mode)",
    ),
    Rule(
        ("sepa.*",),
        lambda config: config.uses_sepa,
        "the transform does not use SEPA (algorithm.transform_mode)",
    ),
    Rule(
        ("sepa.ema_decay", "sepa.threshold", "sepa.warmup_steps"),
        lambda config: config.sepa.schedule == "auto",
        'this belongs to sepa.schedule = "auto"',
    ),
    Rule(
        ("logging.wandb_entity", "logging.wandb_mode", "logging.wandb_tags"),
        lambda config: config.logging.wandb_project is not None,
        "W&B is not used without logging.wandb_project",
    ),
    Rule(
        ("ray.address",),
        lambda config: config.execution.backend == "ray",
        'this is for execution.backend = "ray"',
    ),
    Rule(
        ("ray.num_cpus", "ray.num_gpus"),
        lambda config: config.cluster is None,
        "this is about this machine, and ray.address names a cluster",
    ),
)  # fmt: skip

ALWAYS_READ = (
    "core.entrypoint*", "core.command*", "core.metrics_file", "core.metrics_map", "core.early_stopping", "core.env",
    "training.seed", "training.max_steps", "training.threads", "resources.*", "retry.*",
    "logging.wandb_project", "execution.backend",
)  # fmt: skip
"""Patterns of the fields without a rule."""


@cache
def rules_of(field: str) -> tuple[Rule, ...]:
    """The rules about a field."""
    return tuple(rule for rule in RULES if any(fnmatchcase(field, pattern) for pattern in rule.fields))


def why_unread(config: RunConfig, field: str) -> str:
    """Why a run with this configuration does not read the field, as a clause; "" when it does."""
    return next((rule.otherwise for rule in rules_of(field) if not rule.holds(config)), "")


def unread_notes(conditions: Sequence[Condition], written: Sequence[str]) -> Iterator[str]:
    """What is set and has no effect. `written`: dotted paths of the fields that the sections of the file set."""
    found = [_field_of(path) for condition in conditions for path in condition.overrides]
    reasons: dict[str, list[str]] = {}
    fields_set = list(dict.fromkeys((*written, *found)))
    for field in fields_set:
        if all(why_unread(condition.config, field) for condition in conditions):
            reasons.setdefault(_last_reason(conditions, field), []).append(field)
    for reason, unread in reasons.items():
        names = _whole_sections(unread, fields_set, written)
        yield f"{_listed(names)} {'has' if len(names) == 1 else 'have'} no effect: {reason}"
    unread_in = {
        field: [condition for condition in conditions if why_unread(condition.config, field)]
        for field in _varied(conditions)
    }
    yield from _unread_by_some(conditions, unread_in)
    yield from _literal_braces(conditions)
    if any(unread_in.values()):
        yield from _equal_results(conditions, list(unread_in))


@cache
def _field_of(path: str) -> str:
    """The field of a dotted path, which may continue with the key of a free table."""
    return ".".join(path.split(".")[:2])


def _last_reason(conditions: Sequence[Condition], field: str) -> str:
    """The reason in the condition that comes closest to reading the field: the rules go from general to special."""
    failed = [
        next(number for number, rule in enumerate(rules_of(field)) if not rule.holds(condition.config))
        for condition in conditions
    ]
    return rules_of(field)[max(failed)].otherwise


def _whole_sections(unread: Sequence[str], fields_set: Sequence[str], written: Sequence[str]) -> list[str]:
    """The fields, with `[section]` in the place of all fields of a section of the file."""
    sections_of_file = {path.partition(".")[0] for path in written}
    names: dict[str, None] = {}
    for field in unread:
        section = field.partition(".")[0]
        others = [other for other in fields_set if other.startswith(f"{section}.")]
        whole = section in sections_of_file and all(other in unread for other in others)
        names[f"[{section}]" if whole else field] = None
    return list(names)


def _varied(conditions: Sequence[Condition]) -> list[str]:
    """The fields that conditions set to more than one value."""
    values: dict[str, set[str]] = {}
    for condition in conditions:
        for field in map(_field_of, condition.overrides):
            values.setdefault(field, set()).add(repr(_value(condition.config, field)))
    return [field for field, found in values.items() if len(found) > 1]


def _value(config: RunConfig, field: str) -> object:
    section, name = field.split(".")
    return getattr(getattr(config, section), name, None)


def _literal_braces(conditions: Sequence[Condition]) -> Iterator[str]:
    """Arguments of a command that look like placeholders. They may be meant as they are, as in `awk '{print}'`."""
    commands = (part for condition in conditions for part in condition.config.core.command or ())
    names = dict.fromkeys(name for part in commands for name in re.findall(r"\{(\w+)\}", part))
    literal = [f"{{{name}}}" for name in names if name not in PLACEHOLDERS]
    if literal:
        replaced = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        yield (
            f"core.command passes {_listed(literal)} as {'it is' if len(literal) == 1 else 'they are'}; replaced are "
            f"{replaced}. For other settings, let the program read {{config}}, or give each condition its core.command"
        )


def _unread_by_some(
    conditions: Sequence[Condition], unread_in: Mapping[str, Sequence[Condition]]
) -> Iterator[str]:
    """Fields that conditions set to different values, and that only some of them read."""
    for field, unread in unread_in.items():
        setting = [c for c in unread if any(_field_of(path) == field for path in c.overrides)]
        if setting and len(unread) < len(conditions):
            labels = _listed([condition.label for condition in setting])
            yield f"{field} has no effect in {labels}: {why_unread(setting[0].config, field)}"


def _equal_results(conditions: Sequence[Condition], varied: Sequence[str]) -> Iterator[str]:
    """Conditions that differ only in fields that neither reads: their runs have the same results.

    Only built-in cores are compared, because what another core reads from its configuration is not known.
    """
    first: dict[str, Condition] = {}
    pairs: list[tuple[str, str]] = []
    for condition in conditions:
        if not condition.config.uses_built_in_core:
            continue
        other = first.setdefault(identity(_without_unread(condition.config, varied)), condition)
        # Equal identities have a note of their own.
        if other is not condition and identity(other.config) != identity(condition.config):
            pairs.append((condition.label, other.label))
    if pairs:
        more = f" (and {len(pairs) - 1:,} more conditions like these)" if len(pairs) > 1 else ""
        yield (
            f"{pairs[0][0]} and {pairs[0][1]} differ only in fields that neither reads: "
            f"their runs have the same results{more}"
        )


def _without_unread(config: RunConfig, varied: Sequence[str]) -> RunConfig:
    """The configuration with each of the fields that is not read at its default."""
    changes: dict[str, dict[str, object]] = {}
    for path in varied:
        if why_unread(config, path):
            field = fields()[path]
            changes.setdefault(field.section, {})[field.name] = field.default
    changed = {name: getattr(config, name).model_copy(update=values) for name, values in changes.items()}
    return config.model_copy(update=changed)


def _listed(names: Sequence[str]) -> str:
    shown, more = ", ".join(names[:MOST_NAMED]), len(names) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def written_fields(tables: Mapping[str, object]) -> tuple[str, ...]:
    """The dotted paths of the fields that the sections of a file set; all fields of a section that is empty."""
    return tuple(
        f"{section}.{name}"
        for section, table in tables.items()
        if section in sections() and isinstance(table, dict)
        for name in table or sections()[section].model_fields
    )
