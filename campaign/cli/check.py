"""`campaign check`: prove that conditions differ only in the fields under test. Exit 0, 1, 2 or 3."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tomllib
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from campaign.check.claim.declaration import Declaration
    from campaign.check.findings import CheckResult


class Format(StrEnum):
    text = "text"
    json = "json"
    github = "github"
    sarif = "sarif"


class WhenUnproven(StrEnum):
    fail = "fail"
    warn = "warn"


def check(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="SPEC|FILES...",
            help="A campaign TOML, or the files to compare: a.py, config.py:make_small, vit.py?variant=B/32, "
            "sweep.yaml#runs.B.",
            show_default=False,
        ),
    ],
    reference: Annotated[
        str | None, typer.Option(help="What the others are compared with; the first file when not given.")
    ] = None,
    entry: Annotated[
        str | None,
        typer.Option(
            help="names:a,b | class:Name | call:get_config | merge:defaults,runs.B | mmengine | lazyconfig."
        ),
    ] = None,
    under_test: Annotated[
        list[str] | None, typer.Option("--under-test", "-u", help="Field that may differ; repeat, or a,b.")
    ] = None,
    label: Annotated[list[str] | None, typer.Option(help="Field that only names the variant.")] = None,
    derived_ok: Annotated[
        list[str] | None,
        typer.Option("--derived-ok", help="May differ if it follows from a field under test."),
    ] = None,
    follow: Annotated[
        list[str] | None, typer.Option(help="Glob of files whose imports are evaluated.")
    ] = None,
    equal: Annotated[
        list[str] | None, typer.Option(help="a=b: fields of one file that hold the same value.")
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="How the answer is written.")
    ] = Format.text,
    json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    dump: Annotated[
        bool, typer.Option("--dump", help="Print the canonical tree of each file instead.")
    ] = False,
    against: Annotated[
        str | None, typer.Option(help="Compare each file with itself in this git revision.", metavar="REV")
    ] = None,
    unproven: Annotated[
        WhenUnproven, typer.Option(help="warn: exit 0 when nothing worse than unproven was found.")
    ] = WhenUnproven.fail,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every difference, cosmetic ones too.")
    ] = False,
) -> None:
    """Prove that conditions differ only in the fields under test."""
    from campaign.errors import UsageError

    spec = _as_spec(targets)
    flags = _Flags(
        reference,
        entry,
        _comma_separated(under_test),
        _comma_separated(label),
        _comma_separated(derived_ok),
        _comma_separated(follow),
        _equal_groups(equal),
    )
    if dump:
        _printable_stdout()
        _dump(targets, entry, flags.follow)
        return
    if spec is not None:
        from campaign.cli.proving import prove_spec

        result = prove_spec(spec, flags.given, against)
        if not result.variants:
            raise UsageError(f"{spec}: nothing to compare; name `variants` in [check], or a second condition")
    else:
        result = _check_files(targets, flags, against)
    _printable_stdout()
    _write(result, Format.json if json_ else format_, verbose)
    code = result.exit_code
    raise typer.Exit(0 if code == 3 and unproven is WhenUnproven.warn else code)


class _Flags:
    """The declaration as far as flags give it."""

    def __init__(
        self,
        reference: str | None,
        entry: str | None,
        under_test: tuple[str, ...],
        labels: tuple[str, ...],
        derived_ok: tuple[str, ...],
        follow: tuple[str, ...],
        equal: tuple[tuple[str, ...], ...],
    ) -> None:
        self.reference = reference
        self.given: dict[str, Any] = {
            name: value
            for name, value in (
                ("entry", entry), ("under_test", under_test), ("labels", labels), ("derived_ok", derived_ok),
                ("follow", follow), ("equal", equal),
            )
            if value
        }  # fmt: skip
        self.follow = follow

    def over(self, declaration: Declaration) -> Declaration:
        return replace(declaration, **self.given)


def _comma_separated(values: list[str] | None) -> tuple[str, ...]:
    """Repeated flags; commas outside of brackets separate too."""
    return tuple(part.strip() for value in values or () for part in value.split(",") if part.strip())


def _equal_groups(values: list[str] | None) -> tuple[tuple[str, ...], ...]:
    from campaign.errors import UsageError

    groups = tuple(tuple(part.strip() for part in value.split("=")) for value in values or ())
    if any(len(group) < 2 or not all(group) for group in groups):
        raise UsageError("--equal is written a.b=c.d")
    return groups


def _as_spec(targets: list[str]) -> Path | None:
    """The one target, when it is a campaign file: a TOML with a `[check]` or `[campaign]` table."""
    if len(targets) != 1 or not targets[0].endswith(".toml"):
        return None
    path = Path(targets[0])
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return path
    return path if "check" in data or "campaign" in data else None


def _check_files(targets: list[str], flags: _Flags, against: str | None) -> CheckResult:
    from campaign.check import prove
    from campaign.check.claim.declaration import Declaration, expand_globs
    from campaign.errors import UsageError

    public = [target for target in targets if not _file_name(target).startswith("_")]
    targets = public if len(public) + bool(flags.reference) > 1 else targets
    root, names = _rooted([*targets, *([flags.reference] if flags.reference else [])])
    reference = names.pop() if flags.reference else ""
    variants = list(expand_globs(tuple(names), root, exclude=reference))
    if not reference:
        reference = variants.pop(0)
    if not variants and against is None:
        raise UsageError("one file has nothing to be compared with; name a second one, or --against REV")
    return prove(flags.over(Declaration(reference, tuple(variants))), root, against)


def _file_name(target: str) -> str:
    """A shell's `*.py` names `_base.py` and `__init__.py` too, which are no variants."""
    return target.partition("?")[0].partition("#")[0].rpartition("/")[2]


def _rooted(targets: list[str]) -> tuple[Path, list[str]]:
    """The folder that holds all targets (this one, if it does), and the targets relative to it."""
    here = Path.cwd().resolve()
    absolute = [Path(os.path.abspath(target)) for target in targets]
    if all(path.is_relative_to(here) for path in absolute):
        return here, [path.relative_to(here).as_posix() for path in absolute]
    root = Path(os.path.commonpath([str(path.parent) for path in absolute]))
    return root, [path.relative_to(root).as_posix() for path in absolute]


def _dump(targets: list[str], entry: str | None, follow: tuple[str, ...]) -> None:
    from campaign.check import dump

    root, names = _rooted(targets)
    for name in names:
        sys.stdout.write(json.dumps(dump(name, root, entry, follow), indent=2, ensure_ascii=False) + "\n")


def _printable_stdout() -> None:
    """Text of a configuration may hold what no encoding has (a lone surrogate), or what this one has not."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _write(result: CheckResult, format_: Format, verbose: bool) -> None:
    if format_ is Format.json:
        from campaign.check.output.json import to_json

        sys.stdout.write(json.dumps(to_json(result), indent=2, ensure_ascii=False) + "\n")
    elif format_ is Format.sarif:
        from campaign.check.output.sarif import to_sarif
        from campaign.version import __version__

        sys.stdout.write(json.dumps(to_sarif(result, __version__), indent=2, ensure_ascii=False) + "\n")
    elif format_ is Format.github:
        from campaign.check.output.github import to_github, to_summary

        sys.stdout.write(to_github(result))
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            with open(summary, "a", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(to_summary(result))
    else:
        from campaign.check.output.text import to_text

        terminal = sys.stdout.isatty()
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        sys.stdout.write(to_text(result, _width(terminal), colour, verbose))


def _width(terminal: bool) -> int:
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return max(int(said), 40)
    return shutil.get_terminal_size((80, 24)).columns if terminal else 100
