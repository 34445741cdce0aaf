"""Rules over one resolved configuration: fields that are each valid and still contradict one another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from campaign.folder.paths import METRICS_FILE
from campaign.spec.config import RunConfig
from campaign.spec.explain import toml_value
from campaign.spec.overrides import FieldPath
from campaign.suggest import closest, did_you_mean, suggest

SECTIONS_READ = ("core", "model", "data", "resources")
"""The sections that the rules read: two configurations that share them have the same contradictions."""

PLACEHOLDERS = ("config", "run_dir", "seed", "checkpoint")
"""What campaign replaces in `core.command`; all other braces are passed to the command unchanged."""

_PLACEHOLDER_TYPO = 0.75
"""Similarity from which a name in braces counts as a misspelt placeholder. Higher than for a suggestion, because
it refuses the file, and braces such as `{run}` can be meant for the command."""

Contradiction = tuple[FieldPath, str, str]
"""The field at fault, what is wrong with it, and the fix."""


def contradictions(config: RunConfig) -> Iterator[Contradiction]:
    """All contradictions in `config`."""
    yield from _core(config)
    yield from _command(config.core.command or ())
    yield from _environment(config.core.env)
    yield from _model(config)
    yield from _data(config)
    yield from _resources(config)


def _core(config: RunConfig) -> Iterator[Contradiction]:
    core = config.core
    if core.command is not None and core.entrypoint is not None:
        yield ("core", "command"), "cannot be combined with core.entrypoint", "remove one of the two"
    if core.command is not None and not any(part.strip() for part in core.command[:1]):
        yield ("core", "command"), "names no program", 'for example ["python", "train.py", "{config}"]'
    file = PurePosixPath(core.metrics_file)
    if not core.metrics_file or file.is_absolute() or ".." in file.parts:
        yield (
            ("core", "metrics_file"),
            f"{toml_value(core.metrics_file)} is not a file inside the run's folder",
            "write a relative path without `..`",
        )
    elif core.metrics_file != METRICS_FILE and config.uses_built_in_core:
        yield (
            ("core", "metrics_file"),
            f"is the file of a command, and the built-in core writes {METRICS_FILE}",
            "remove it, or add core.command",
        )
    for number, name in enumerate(core.metrics or ()):
        if name in (core.metrics or ())[:number]:
            yield ("core", "metrics", str(number)), f"lists `{name}` twice", "remove one of them"


def _command(command: tuple[str, ...]) -> Iterator[Contradiction]:
    for number, part in enumerate(command):
        for name in re.findall(r"\{(\w+)\}", part):
            near = closest(name, PLACEHOLDERS, cutoff=_PLACEHOLDER_TYPO)
            if name not in PLACEHOLDERS and near:
                hint = did_you_mean(f"{{{name}}}", [f"{{{near}}}"])
                yield ("core", "command", str(number)), f"`{{{name}}}` is not a placeholder", hint


def _environment(env: dict[str, str]) -> Iterator[Contradiction]:
    for name in env:
        if name.startswith("CAMPAIGN_"):
            message = f"`{name}` is reserved: campaign sets the variables CAMPAIGN_*"
            yield ("core", "env", name), message, "remove it, or choose another name"
        elif not name or "=" in name:
            message = f"`{name}` is not the name of an environment variable"
            yield ("core", "env", name), message, "use a name that is not empty and has no `=`"


def _model(config: RunConfig) -> Iterator[Contradiction]:
    model = config.model
    if not model.model.strip():
        yield ("model", "model"), "is empty", "write `embedded`, a folder, or a hub name"
    if model.lora_rank and not model.lora_targets:
        yield (
            ("model", "lora_targets"),
            f"is empty, but lora_rank is {model.lora_rank}",
            "list the layers that get an adapter, or set lora_rank = 0",
        )


def _data(config: RunConfig) -> Iterator[Contradiction]:
    data = config.data
    if data.path is None and not data.sources:
        yield (
            ("data", "sources"),
            "is an empty list, and data.path is not given",
            "list at least one source, or give the path of a JSONL file",
        )
    if data.path is None:
        for name in data.weights:
            if name not in data.sources:
                hint = suggest(name, data.sources, "data.sources")
                yield ("data", "weights", name), f"`{name}` is not in data.sources", hint
    for digest, path in (("path_sha256", data.path), ("eval_path_sha256", data.eval_path)):
        if getattr(data, digest) is not None and path is None:
            name = f"data.{digest.removesuffix('_sha256')}"
            yield ("data", digest), f"is given without {name}", f"remove it, or add {name}"


def _resources(config: RunConfig) -> Iterator[Contradiction]:
    gpus = config.resources.num_gpus
    if gpus > 1 and gpus != int(gpus):
        hint = (
            f"write {int(gpus)} or {int(gpus) + 1}; only a fraction below 1 can share a GPU with other runs"
        )
        yield ("resources", "num_gpus"), f"above 1 it must be a whole number, got {gpus:g}", hint
