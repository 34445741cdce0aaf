"""`campaign init`: a campaign TOML to start from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from campaign.errors import UsageError

DEFAULT = "first_look"
SCHEMA_FILE = "campaign.schema.json"
_PACKAGED = Path(__file__).parent.parent / "_templates"
_CHECKOUT = Path(__file__).parent.parent.parent / "templates"


def _matching(incomplete: str) -> list[str]:
    return [name for name in templates() if name.startswith(incomplete)]


def init(
    template: Annotated[
        str,
        typer.Argument(
            help="Template to copy; --list shows all.", metavar="TEMPLATE", autocompletion=_matching
        ),
    ] = DEFAULT,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write (default: TEMPLATE.toml).", show_default=False),
    ] = None,
    list_them: Annotated[bool, typer.Option("--list", help="List the templates and exit.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    schema: Annotated[
        bool, typer.Option(help=f"Also write {SCHEMA_FILE} beside it, for completion in editors.")
    ] = True,
) -> None:
    """Write a campaign TOML from a template, with the files that it needs. An existing file is overwritten only with
    --force."""
    from campaign.cli.console import stderr, stdout
    from campaign.suggest import suggest

    available = templates()
    if list_them:
        for name, path in available.items():
            stdout().print(f"{name:12} {_title(path)}")
        return
    if template not in available:
        raise UsageError(f"no template `{template}`; {suggest(template, available, 'templates')}")
    target = out or Path(f"{template}.toml")
    if os.path.isdir(target):
        target = target / f"{template}.toml"
    text = available[template].read_text(encoding="utf-8")
    companions = {target.parent / path.name: path for path in _companions(available[template])}
    _refuse_existing((target, *companions), force)
    schema_path = target.parent / SCHEMA_FILE
    with_schema = schema and _may_write_schema(schema_path)
    _write(target, f"#:schema ./{SCHEMA_FILE}\n{text}" if with_schema else text, force)
    for path, companion in companions.items():
        _write(path, companion.read_text(encoding="utf-8"), force)
    if with_schema:
        _write_schema(schema_path)
    for written in (target, *companions):
        stdout().print(str(written), soft_wrap=True)
    stderr().print(f"next: campaign plan {target}\n      campaign submit {target}", soft_wrap=True)


def templates() -> dict[str, Path]:
    """Name -> file of the packaged templates; in a checkout, which is not built, of its `templates/`."""
    folder = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    found = {path.stem: path for path in sorted(folder.glob("*.toml"))}
    if not found:
        raise UsageError("this installation has no templates: install the package again")
    return dict(sorted(found.items(), key=lambda entry: (entry[0] != DEFAULT, entry[0])))


def _companions(template: Path) -> list[Path]:
    """The files that a template needs beside it, such as a script: those in the folder of its name."""
    folder = template.with_suffix("")
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def _refuse_existing(targets: Iterable[Path], force: bool) -> None:
    """Before anything is written, so that a refused command leaves nothing behind."""
    for target in targets:
        if not force and os.path.lexists(target):
            raise _exists(target)


def _exists(target: Path) -> UsageError:
    return UsageError(f"{target} exists: --force overwrites it, --out FILE writes to another place")


def _title(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip()


def _write(target: Path, text: str, force: bool) -> None:
    """Mode `x` checks and creates in one step, so that a file that appears meanwhile is not overwritten."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}") from None


def _may_write_schema(path: Path) -> bool:
    """Whether there is no such file, or this command wrote it."""
    from campaign.spec.json_schema import GENERATED

    if not path.exists():
        return True
    try:
        return bool(json.loads(path.read_text(encoding="utf-8")).get("$comment") == GENERATED)
    except (OSError, ValueError, AttributeError):
        return False


def _write_schema(path: Path) -> None:
    from campaign.spec.json_schema import json_schema

    try:
        path.write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None
