"""`campaign extend`: more seeds, and what that does to the error rate."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from campaign.analysis.extension import Extended

_TABLE = re.compile(r"^[ \t]*\[campaign\][ \t]*(#.*)?$", re.MULTILINE)
_NEXT_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
_SEEDS = re.compile(r"^[ \t]*seeds[ \t]*=[ \t]*\[[^\]]*\]", re.MULTILINE)


def extend(
    spec: Annotated[Path, typer.Argument(help="Campaign TOML.", show_default=False)],
    to: Annotated[int | None, typer.Option(help="Seeds of each condition.  [default: twice as many]")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Double the seeds, keep the error rate where looks were declared, and say so where it is lost."""
    from campaign.analysis import extension
    from campaign.cli.console import print_json, stdout
    from campaign.errors import UsageError
    from campaign.execution.locate import folder_of
    from campaign.folder.paths import CampaignPaths
    from campaign.spec.hypotheses import read_frozen

    text = _read(spec)
    try:
        paths: CampaignPaths | None = CampaignPaths(folder_of(str(spec)))
    except UsageError:
        paths = None  # it was never submitted
    frozen = read_frozen(paths.frozen) if paths else None
    try:
        extended = extension.extend(_seeds(text, spec), frozen, to)
    except ValueError as error:
        raise UsageError(str(error)) from None
    changed = with_seeds(text, extended.after, spec)
    if not dry_run:
        if extended.record is not None and frozen is not None and paths is not None:
            record = frozen.model_copy(update={"extensions": (*frozen.extensions, extended.record)})
            _replace(paths.frozen, json.dumps(record.to_json(), indent=2, ensure_ascii=False) + "\n")
        _replace(spec, changed)
    if json_:
        print_json(_document(extended, written=not dry_run))
        return
    console = stdout()
    verb = "would become" if dry_run else "are now"
    console.print(f"{len(extended.before)} seeds {verb} {len(extended.after)}: {list(extended.after)}")
    console.print(extended.words + ".")
    if not dry_run:
        console.print(f"next: campaign submit {spec}")


def with_seeds(text: str, seeds: tuple[int, ...], spec: Path) -> str:
    """The spec with other seeds and nothing else changed, comments included.

    Raises `UsageError` when that cannot be done safely: then it says what to write.
    """
    from campaign.errors import UsageError

    line = f"seeds = {list(seeds)}"
    before = tomllib.loads(text)
    wanted: dict[str, Any] = {**before, "campaign": {**before.get("campaign", {}), "seeds": list(seeds)}}
    table = _TABLE.search(text)
    if table is not None:
        end = _NEXT_TABLE.search(text, table.end() + 1)
        body = text[table.end() : end.start() if end else len(text)]
        found = _SEEDS.search(body)
        if found is None:
            changed = f"{text[: table.end()]}\n{line}{text[table.end() :]}"
        else:
            start = table.end() + found.start()
            changed = f"{text[:start]}{line}{text[start + len(found.group()) :]}"
        try:
            if tomllib.loads(changed) == wanted:
                return changed
        except tomllib.TOMLDecodeError:
            pass
    raise UsageError(f"{spec}: write this into [campaign] by hand, and run the command again:\n    {line}")


def _read(spec: Path) -> str:
    from campaign.errors import UsageError

    try:
        text = spec.read_text(encoding="utf-8")
        tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise UsageError(f"{spec} cannot be read: {error}") from None
    return text


def _seeds(text: str, spec: Path) -> tuple[int, ...]:
    """The seeds of the spec, as its own reader sees them. Raises `SpecError` for a spec that is not valid."""
    from campaign.errors import UsageError

    given = tomllib.loads(text).get("campaign", {})
    seeds = given.get("seeds") if isinstance(given, dict) else None
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int for seed in seeds):
        raise UsageError(f"{spec}: [campaign] has no list of `seeds` to extend")
    return tuple(seeds)


def _replace(path: Path, text: str) -> None:
    """Whole or not at all: a spec must not be lost to a full disk."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)


def _document(extended: Extended, *, written: bool) -> dict[str, Any]:
    return {
        "version": 1,
        "kind": "campaign.extension",
        "before": list(extended.before),
        "after": list(extended.after),
        "error_rate": extended.kept,
        "words": extended.words,
        "written": written,
    }
