"""`campaign check`: prove that conditions differ only in the fields under test. Exit code 0, 1, 2 or 3."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from campaign.check.claim.declaration import Declaration
    from campaign.check.findings import CheckResult
    from campaign.spec.check_section import CheckSection
    from campaign.spec.reading import Document


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
        str | None, typer.Option(help="File to compare the others with (default: the first).")
    ] = None,
    entry: Annotated[
        str | None,
        typer.Option(
            help="names:a,b | class:Name | call:get_config | merge:defaults,runs.B | mmengine | lazyconfig | hydra."
        ),
    ] = None,
    under_test: Annotated[
        list[str] | None,
        typer.Option("--under-test", "-u", help="Field that may differ; repeatable, or a,b."),
    ] = None,
    label: Annotated[list[str] | None, typer.Option(help="Field that only names the variant.")] = None,
    derived_ok: Annotated[
        list[str] | None,
        typer.Option("--derived-ok", help="Field that may differ where it follows from a field under test."),
    ] = None,
    follow: Annotated[
        list[str] | None, typer.Option(help="Glob of files whose imports are evaluated.")
    ] = None,
    equal: Annotated[
        list[str] | None, typer.Option(help="a=b: fields that must be equal within each file.")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.text,
    json_: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    import_: Annotated[
        bool,
        typer.Option(
            "--import",
            help="For a campaign TOML: also import the Python modules of its conditions, in separate processes.",
        ),
    ] = False,
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
        bool, typer.Option("--verbose", "-v", help="Show every difference, cosmetic ones too.")
    ] = False,
) -> None:
    """Prove that conditions differ only in the fields under test.

    Exit code 0: proven, 1: a confound, 3: neither proven nor refuted.
    """
    from campaign.errors import UsageError

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
        _replace_unencodable()
        _dump(targets, entry, flags.follow)
        return
    document = _campaign_file(targets)
    if import_ and document is None:
        raise UsageError("--import is for a campaign TOML: files to compare are evaluated and never imported")
    result = (
        _check_files(targets, flags, against)
        if document is None
        else _check_spec(document, flags, against, import_modules=import_)
    )
    if not result.variants:
        raise UsageError(
            f"{targets[0]}: nothing to compare; name `variants` in [check], or a second condition"
        )
    _replace_unencodable()
    _write(result, Format.json if json_ else format_, verbose)
    code = result.exit_code
    raise typer.Exit(0 if code == 3 and unproven is WhenUnproven.warn else code)


class _Flags:
    """The fields of the declaration that flags give."""

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
    """The values of a repeatable flag, which may also be separated by commas."""
    return tuple(part.strip() for value in values or () for part in value.split(",") if part.strip())


def _equal_groups(values: list[str] | None) -> tuple[tuple[str, ...], ...]:
    from campaign.errors import UsageError

    groups = tuple(tuple(part.strip() for part in value.split("=")) for value in values or ())
    if any(len(group) < 2 or not all(group) for group in groups):
        raise UsageError("--equal takes two or more fields, such as a.b=c.d")
    return groups


def _campaign_file(targets: list[str]) -> Document | None:
    """The one target, when it is a TOML with a `[check]` or `[campaign]` table. Raises `SpecError` if unreadable."""
    if len(targets) != 1 or not targets[0].endswith(".toml"):
        return None
    from campaign.spec.reading import read

    document = read(Path(targets[0]))
    return document if "check" in document.data or "campaign" in document.data else None


def _check_spec(
    document: Document, flags: _Flags, against: str | None, *, import_modules: bool
) -> CheckResult:
    """The proof over a campaign file. One that only has a `[check]` table is a declaration of files, and need not be a
    valid campaign."""
    from campaign.check.campaign_proof import prove_section, prove_spec

    path = Path(document.file)
    section = _check_section(document)
    if section.names_files and "campaign" not in document.data:
        return prove_section(section, path, flags.given, against)
    from campaign.check.campaign_file import campaign_of
    from campaign.cli.console import say_imported
    from campaign.spec.planned_runs import Facts
    from campaign.spec.resolve import resolve

    spec = campaign_of(document, path, import_modules=import_modules)
    if import_modules:
        say_imported(spec.modules)
    return prove_spec(spec, resolve(spec, Facts()), flags.given, against, import_modules=import_modules)


def _check_section(document: Document) -> CheckSection:
    """The `[check]` table. Raises `SpecError` with every problem of it."""
    from pydantic import ValidationError

    from campaign.spec.check_section import CheckSection

    try:
        return CheckSection.model_validate_json(json.dumps(document.data.get("check", {})))
    except (ValidationError, TypeError):
        # The explanation of a problem imports all sections, which takes longer than most checks.
        from campaign.spec.forbidden_values import without_forbidden_values
        from campaign.spec.problems import Problems

        problems = Problems(document)
        table = without_forbidden_values(problems).get("check", {})
        section, _ = problems.validated(CheckSection, table if isinstance(table, dict) else {}, ("check",))
        problems.raise_if_any()
        return section


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
        raise UsageError("a comparison needs a second file; name one, or use --against REV")
    return prove(flags.over(Declaration(reference, tuple(variants))), root, against)


def _file_name(target: str) -> str:
    """The name of a target's file. A shell's `*.py` also names `_base.py` and `__init__.py`, which are not variants."""
    return target.partition("?")[0].partition("#")[0].rpartition("/")[2]


def _rooted(targets: list[str]) -> tuple[Path, list[str]]:
    """The folder that contains all targets, preferably the current one, and the targets relative to it."""
    here = Path.cwd().resolve()
    absolute = [Path(os.path.abspath(target)) for target in targets]
    if all(path.is_relative_to(here) for path in absolute):
        return here, [path.relative_to(here).as_posix() for path in absolute]
    root = Path(os.path.commonpath([str(path.parent) for path in absolute]))
    return root, [path.relative_to(root).as_posix() for path in absolute]


def _dump(targets: list[str], entry: str | None, follow: tuple[str, ...]) -> None:
    from campaign.check import dump
    from campaign.check.output.redaction import dump_without_secrets

    root, names = _rooted(targets)
    for name in names:
        _print_document(dump_without_secrets(dump(name, root, entry, follow)))


def _print_document(document: Any) -> None:
    from campaign.control_characters import in_json

    sys.stdout.write(in_json(json.dumps(document, indent=2, ensure_ascii=False)) + "\n")


def _replace_unencodable() -> None:
    """Escape what stdout cannot encode: a configuration may hold any string, lone surrogates included."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _write(result: CheckResult, format_: Format, verbose: bool) -> None:
    if format_ is Format.json:
        from campaign.check.output.json import to_json

        _print_document(to_json(result))
    elif format_ is Format.sarif:
        from campaign.check.output.sarif import to_sarif
        from campaign.version import __version__

        _print_document(to_sarif(result, __version__))
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
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return max(int(columns), 40)
    return shutil.get_terminal_size((80, 24)).columns if terminal else 100
