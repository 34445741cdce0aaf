"""`campaign squeeze ADAPTER`: which LoRA rank is used, and the adapter at that rank."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from campaign.cli import console
from campaign.errors import UsageError
from campaign.extras import BUILT_IN_CORE, require


def squeeze(
    adapter: Annotated[Path, typer.Argument(help="Adapter folder in peft's format.")],
    min_variance_retention: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the update's variance to keep.")
    ] = 0.95,
    rank: Annotated[
        int | None, typer.Option(min=1, help="Rank to squeeze to (default: the recommended rank).")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for the squeezed adapter.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure how much of an adapter's update each rank keeps. Nothing is written without --output."""
    from campaign.cli.views.outcome_tables import show_squeeze

    if rank is not None and output is None:
        raise UsageError("--rank needs --output, the folder for the squeezed adapter")
    require("the measurement of an adapter", *BUILT_IN_CORE)
    from campaign.core.lora_squeeze import analyse, compress, read_adapter, save

    loaded = read_adapter(adapter)
    report = analyse(loaded, min_variance_retention, [rank] if rank else ())
    document = report.to_json()
    written_rank = rank or report.recommended_rank
    if output is not None:
        save(compress(loaded, written_rank), output)
    if as_json:
        written = {"rank": written_rank, "output": str(output)} if output else None
        console.print_json(document | {"adapter": str(adapter), "written": written})
        return
    show_squeeze(document, console.stdout())
    if output is not None:
        console.stderr().print(f"wrote {output} at rank {written_rank}")
