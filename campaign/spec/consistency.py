"""What fits each field alone and still contradicts itself: rules over one resolved configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import PurePosixPath

from campaign.spec.config import RunConfig
from campaign.spec.explain import did_you_mean, shown
from campaign.spec.overrides import FieldPath

LOOKED_AT = ("core", "model", "data", "resources")
"""The sections that the rules read."""

PLACEHOLDERS = ("config", "run_dir", "seed", "checkpoint")
"""What is filled in in `core.command`; other braces are the command's own."""

Contradiction = tuple[FieldPath, str, str]
"""The field at fault, what is wrong, and what would be right."""


def contradictions(config: RunConfig) -> Iterator[Contradiction]:
    """Everything in `config` that cannot be meant."""
    yield from _core(config)
    yield from _model(config)
    yield from _data(config)
    yield from _resources(config)


def _core(config: RunConfig) -> Iterator[Contradiction]:
    core = config.core
    if core.command is not None and core.entrypoint is not None:
        yield ("core", "command"), "stands beside core.entrypoint", "a core is one or the other"
    if core.command is not None and not any(part.strip() for part in core.command[:1]):
        yield ("core", "command"), "names no program", 'for example ["python", "train.py", "{config}"]'
    for number, part in enumerate(core.command or ()):
        for name in re.findall(r"\{(\w+)\}", part):
            near = get_close_matches(name, PLACEHOLDERS, n=1, cutoff=0.75)
            if name not in PLACEHOLDERS and near:
                at = ("core", "command", str(number))
                yield at, f"`{{{name}}}` is filled in by nobody", f"did you mean `{{{near[0]}}}`?"
    file = PurePosixPath(core.metrics_file)
    if not core.metrics_file or file.is_absolute() or ".." in file.parts:
        yield (
            ("core", "metrics_file"),
            f"{shown(core.metrics_file)} leaves the run's folder",
            "a relative path inside it",
        )
    for name in core.env:
        if not name or "=" in name or name.startswith("CAMPAIGN_"):
            hint = "CAMPAIGN_* are set by the campaign" if name.startswith("CAMPAIGN_") else ""
            yield ("core", "env", name), f"`{name}` cannot be the name of a variable here", hint


def _model(config: RunConfig) -> Iterator[Contradiction]:
    model = config.model
    if not model.model.strip():
        yield ("model", "model"), "is empty", "`embedded`, a folder, or a hub name"
    if model.lora_rank and not model.lora_targets:
        yield (
            ("model", "lora_targets"),
            f"is empty, and lora_rank is {model.lora_rank}",
            "name the layers that get an adapter",
        )


def _data(config: RunConfig) -> Iterator[Contradiction]:
    data = config.data
    if data.path is None and not data.sources:
        yield (
            ("data", "sources"),
            "is an empty list, and there is no data.path",
            "the policy needs something to answer",
        )
    if data.path is None:
        for name in data.weights:
            if name not in data.sources:
                hint = did_you_mean(name, data.sources) or f"data.sources: {', '.join(data.sources)}"
                yield ("data", "weights", name), f"weighs `{name}`, which is none of the sources", hint
    for digest, path in (("path_sha256", data.path), ("eval_path_sha256", data.eval_path)):
        if getattr(data, digest) is not None and path is None:
            yield ("data", digest), f"is given without data.{digest.removesuffix('_sha256')}", ""


def _resources(config: RunConfig) -> Iterator[Contradiction]:
    gpus = config.resources.num_gpus
    if gpus > 1 and gpus != int(gpus):
        hint = f"{int(gpus)} or {int(gpus) + 1}; a fraction below 1 packs several runs on one GPU"
        yield ("resources", "num_gpus"), f"above 1 it must be whole, got {gpus:g}", hint
