"""The declaration of a check: a reference, its variants, and the fields in which they may differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.check.claim.targets import did_you_mean
from campaign.errors import Place, Problem, SpecError, UsageError

LIST_KEYS = ("variants", "under_test", "labels", "derived_ok", "follow")
KEYS = ("reference", "variants", "entry", "under_test", "labels", "derived_ok", "follow", "equal")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One reference, its variants, and the fields in which they may differ.

    Targets are `path.py`, `config.py:make_small`, `vit.py?variant=B/32` or `sweep.yaml#runs.B.config`;
    paths are relative to the root that is given to `prove`.
    """

    reference: str
    variants: tuple[str, ...]
    entry: str | None = None
    """`names:config`, `names:a,b`, `class:Name`, `call:get_config`, `merge:defaults,runs.B`, `mmengine` or
    `lazyconfig`; by default, it is derived from the file."""
    under_test: tuple[str, ...] = ()
    """Patterns of the fields that may differ: `a.b[1].c`, `lr_*`, `xs[*]`, `**.leaf`, `Type.field`."""
    labels: tuple[str, ...] = ()
    """Patterns of the fields that may differ because they only name the variant."""
    derived_ok: tuple[str, ...] = ()
    """Patterns of the fields that may differ if all of the difference is derived from fields under test."""
    follow: tuple[str, ...] = ()
    """Globs of the files whose imports are evaluated; by default, the folders of the targets and of their bases."""
    equal: tuple[tuple[str, ...], ...] = ()
    """Groups of paths that must hold the same value within each file."""


def declaration_from_table(table: Mapping[str, Any], root: Path, file: str) -> Declaration:
    """The declaration in a `[check]` table. Raises `SpecError` with all problems of the table."""
    problems = [
        Problem(
            f"unknown key{did_you_mean(key, KEYS)}", Place(file), f"check.{key}", f"legal: {', '.join(KEYS)}"
        )
        for key in table
        if key not in KEYS
    ]
    reference = _string(table, "reference", file, problems) or ""
    entry = _string(table, "entry", file, problems)
    lists = {key: _string_list(table.get(key, []), f"check.{key}", file, problems) for key in LIST_KEYS}
    equal = _path_groups(table.get("equal", []), file, problems)
    if problems:
        raise SpecError(problems)
    variants = expand_globs(lists.pop("variants"), root, exclude=reference)
    if not reference:
        if not variants:
            raise SpecError([Problem("needs a reference and variants", Place(file), "check")])
        reference, variants = variants[0], variants[1:]
    return Declaration(reference, variants, entry, equal=equal, **lists)


def expand_globs(targets: tuple[str, ...], root: Path, exclude: str = "") -> tuple[str, ...]:
    """The targets with each glob replaced by the files that it matches, except those whose name starts with `_`."""
    expanded: list[str] = []
    for target in targets:
        # `?` starts the arguments of a target and is no wildcard.
        is_glob = any(sign in target.partition("?")[0] for sign in "*[")
        expanded += _matching_files(target, root) if is_glob else [target]
    return tuple(dict.fromkeys(target for target in expanded if target != exclude))


def _matching_files(glob: str, root: Path) -> list[str]:
    try:
        found = sorted(path for path in root.glob(glob) if path.is_file())
    except (ValueError, NotImplementedError) as error:
        raise UsageError(f"{glob}: the pattern is not valid ({error})") from None
    names = [path.relative_to(root).as_posix() for path in found if not path.name.startswith("_")]
    if not names:
        raise UsageError(f"{glob}: the pattern matches no file under {root}")
    return names


def _string(table: Mapping[str, Any], key: str, file: str, problems: list[Problem]) -> str | None:
    value = table.get(key)
    if value is None or isinstance(value, str):
        return value
    problems.append(Problem(f"must be a string, not {value!r}", Place(file), f"check.{key}"))
    return None


def _string_list(value: Any, path: str, file: str, problems: list[Problem]) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not _is_string_list(values):
        problems.append(Problem(f"must be a list of strings, not {value!r}", Place(file), path))
        return ()
    return tuple(values)


def _path_groups(value: Any, file: str, problems: list[Problem]) -> tuple[tuple[str, ...], ...]:
    """`equal` is one group of paths, or a list of groups."""
    groups = [value] if value and _is_string_list(value) else value
    if not isinstance(groups, list) or not all(_is_string_list(group) and len(group) > 1 for group in groups):
        problems.append(Problem("must be groups of two or more paths", Place(file), "check.equal"))
        return ()
    return tuple(tuple(group) for group in groups)


def _is_string_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
