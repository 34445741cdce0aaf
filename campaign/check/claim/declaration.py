"""The declaration of a check: a reference, its variants, and the fields in which they may differ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from campaign.errors import Place, Problem, SpecError, UsageError

if TYPE_CHECKING:  # a check of files needs no pydantic
    from campaign.spec.check_section import CheckSection


@dataclass(frozen=True, slots=True)
class Declaration:
    """One reference, its variants, and the fields in which they may differ.

    Targets are `path.py`, `config.py:make_small`, `vit.py?variant=B/32` or `sweep.yaml#runs.B.config`;
    paths are relative to the root that is given to `prove`.
    """

    reference: str
    variants: tuple[str, ...]
    entry: str | None = None
    """`names:config`, `names:a,b`, `class:Name`, `call:get_config`, `merge:defaults,runs.B`, or the entry of a dialect
    such as `mmengine`; by default, it is derived from the file."""
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


def from_section(section: CheckSection, root: Path, file: str) -> Declaration:
    """The declaration of a `[check]` table whose targets are relative to `root`; `file` names it in messages.

    Raises `SpecError` when the table names nothing to compare, `UsageError` for a glob that matches no file.
    """
    reference = section.reference or ""
    variants = expand_globs(section.variants, root, exclude=reference)
    if not reference:
        if not variants:
            raise SpecError([Problem("needs a reference and variants", Place(file), "check")])
        reference, variants = variants[0], variants[1:]
    return Declaration(
        reference,
        variants,
        section.entry,
        section.under_test,
        section.labels,
        section.derived_ok,
        section.follow,
        section.equal_groups,
    )


def expand_globs(targets: tuple[str, ...], root: Path, exclude: str = "") -> tuple[str, ...]:
    """The targets with each glob replaced by the files that it matches, except those whose name starts with `_`."""
    expanded: list[str] = []
    for target in targets:
        # `?` starts the arguments of a target; it is not a wildcard.
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
