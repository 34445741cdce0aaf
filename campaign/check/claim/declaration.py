"""What a check claims: a reference, its variants, and where they may differ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from campaign.errors import Place, Problem, SpecError, UsageError
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


def from_section(section: CheckSection, root: Path, file: str) -> Declaration:
    """The declaration of a `[check]` table whose targets are relative to `root`; `file` names it in messages.

    Raises `SpecError` when the table names nothing to compare, `UsageError` for a glob that matches no file.
    """
    reference = section.reference or ""
    variants = expand(section.variants, root, exclude=reference)
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
