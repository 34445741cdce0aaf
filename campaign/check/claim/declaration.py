"""What a check claims: a reference, its variants, and where they may differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.check.claim.targets import did_you_mean
from campaign.errors import Place, Problem, SpecError, UsageError

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
    """`names:config`, `names:a,b`, `class:Name`, `call:get_config`, `merge:defaults,runs.B`, or the entry
    of a dialect such as `mmengine`; found out from the file when not given."""
    under_test: tuple[str, ...] = ()
    """Patterns of the fields that may differ: `a.b[1].c`, `lr_*`, `xs[*]`, `**.leaf`, `Type.field`."""
    labels: tuple[str, ...] = ()
    """Patterns of the fields that may differ because they only name the variant."""
    derived_ok: tuple[str, ...] = ()
    """Patterns of the fields that may differ if the difference follows from a field under test."""
    follow: tuple[str, ...] = ()
    """Globs of the files whose imports are evaluated; by default the folders of the targets and their
    bases."""
    equal: tuple[tuple[str, ...], ...] = ()
    """Groups of paths that have to hold the same value within each file."""


def from_table(table: Mapping[str, Any], root: Path, file: str) -> Declaration:
    """The declaration in a `[check]` table. Raises `SpecError` with every problem of the table."""
    problems = [
        Problem(
            f"unknown key{did_you_mean(key, KEYS)}", Place(file), f"check.{key}", f"legal: {', '.join(KEYS)}"
        )
        for key in table
        if key not in KEYS
    ]
    reference = table.get("reference", "")
    if not isinstance(reference, str):
        problems.append(Problem(f"must be text, not {reference!r}", Place(file), "check.reference"))
        reference = ""
    entry = table.get("entry")
    if entry is not None and not isinstance(entry, str):
        problems.append(Problem(f"must be text, not {entry!r}", Place(file), "check.entry"))
    lists = {key: _texts(table.get(key, []), f"check.{key}", file, problems) for key in KEYS if _is_list(key)}
    equal = _groups(table.get("equal", []), file, problems)
    if problems:
        raise SpecError(problems)
    variants = expand(lists["variants"], root, exclude=reference)
    if not reference:
        if not variants:
            raise SpecError([Problem("needs a reference and variants", Place(file), "check")])
        reference, variants = variants[0], variants[1:]
    return Declaration(
        reference,
        variants,
        entry,
        lists["under_test"],
        lists["labels"],
        lists["derived_ok"],
        lists["follow"],
        equal,
    )


def expand(patterns: tuple[str, ...], root: Path, exclude: str = "") -> tuple[str, ...]:
    """Globs among the targets replaced by the files they name, modules whose name starts with `_` left
    out."""
    targets: list[str] = []
    for pattern in patterns:
        if not any(sign in pattern.partition("?")[0] for sign in "*["):
            targets.append(pattern)
            continue
        try:
            found = sorted(path for path in root.glob(pattern) if path.is_file())
        except (ValueError, NotImplementedError) as error:
            raise UsageError(f"{pattern}: not a usable pattern ({error})") from None
        names = [path.relative_to(root).as_posix() for path in found if not path.name.startswith("_")]
        if not names:
            raise UsageError(f"{pattern}: matches no file under {root}")
        targets.extend(names)
    return tuple(dict.fromkeys(target for target in targets if target != exclude))


def _is_list(key: str) -> bool:
    return key not in ("reference", "entry", "equal")


def _texts(value: Any, path: str, file: str, problems: list[Problem]) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        problems.append(Problem(f"must be a list of texts, not {value!r}", Place(file), path))
        return ()
    return tuple(values)


def _groups(value: Any, file: str, problems: list[Problem]) -> tuple[tuple[str, ...], ...]:
    """`equal` is one group of paths, or a list of groups."""
    groups = (
        [value] if value and isinstance(value, list) and all(isinstance(v, str) for v in value) else value
    )
    if not isinstance(groups, list) or not all(
        isinstance(group, list) and len(group) > 1 and all(isinstance(item, str) for item in group)
        for group in groups
    ):
        problems.append(Problem("must be groups of two or more paths", Place(file), "check.equal"))
        return ()
    return tuple(tuple(group) for group in groups)
