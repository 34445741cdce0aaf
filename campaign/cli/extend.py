"""`campaign extend`: more seeds, and what that does to the error rate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from campaign.analysis.extension import Extended
    from campaign.folder.paths import CampaignPaths
    from campaign.spec.hypotheses import Frozen


def extend(
    spec: Annotated[Path, typer.Argument(help="Campaign TOML.", show_default=False)],
    to: Annotated[
        int | None, typer.Option(help="Seeds per condition (default: twice as many).", show_default=False)
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, without writing.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Add seeds: twice as many, or --to N. The error rate holds where looks were declared; otherwise the output says so."""
    from campaign.cli.console import print_json, stdout
    from campaign.errors import UsageError
    from campaign.folder.atomic_files import write_text
    from campaign.spec.hypotheses import read_frozen
    from campaign.spec.seed_editing import declared_seeds, seeds_line, with_seeds

    try:
        text = spec.read_text(encoding="utf-8")
        seeds = declared_seeds(text)
    except (OSError, ValueError) as error:
        raise UsageError(f"{spec} cannot be read: {error}") from None
    if not seeds:
        raise UsageError(
            f"{spec}: [campaign] has no list of `seeds` to extend; write one, such as seeds = [42, 101]"
        )
    paths = _submitted(spec)
    frozen = read_frozen(paths.frozen) if paths else None
    if frozen is None and paths is not None and any(paths.runs.glob("*/attempts")):
        raise UsageError(
            f"{paths.frozen} is missing, which says what was declared before the runs: restore it, or add the seeds to "
            f"{spec} by hand; every comparison is then exploratory"
        )
    extended = _extended(seeds, frozen, to)
    changed = with_seeds(text, extended.after)
    if changed is None:
        line = seeds_line(extended.after)
        raise UsageError(
            f"{spec}: write this into [campaign] by hand, and run the command again:\n    {line}"
        )
    if not dry_run:
        if paths is not None and frozen is not None:
            _record(extended, frozen, paths)
        write_text(spec, changed)
    if json_:
        print_json(_document(extended, written=not dry_run))
        return
    console = stdout()
    verb = "would become" if dry_run else "are now"
    console.print(f"{len(extended.before)} seeds {verb} {len(extended.after)}: {list(extended.after)}")
    console.print(extended.words + ".")
    if not dry_run:
        console.print(f"next: campaign submit {spec}")


def _extended(seeds: tuple[int, ...], frozen: Frozen | None, to: int | None) -> Extended:
    from campaign.analysis import extension
    from campaign.errors import UsageError

    try:
        return extension.extend(seeds, frozen, to)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _submitted(spec: Path) -> CampaignPaths | None:
    """The campaign's folder; None when it was never submitted."""
    from campaign.errors import UsageError
    from campaign.execution.locate import folder_of
    from campaign.folder.paths import CampaignPaths

    try:
        return CampaignPaths(folder_of(str(spec)))
    except UsageError:
        return None


def _record(extended: Extended, frozen: Frozen, paths: CampaignPaths) -> None:
    """Write an adaptive extension into the frozen record, before any run with the new seeds can start."""
    import json

    from campaign.folder.atomic_files import write_text

    if extended.record is not None:
        record = frozen.model_copy(update={"extensions": (*frozen.extensions, extended.record)})
        write_text(paths.frozen, json.dumps(record.to_json(), indent=2, ensure_ascii=False) + "\n")


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
