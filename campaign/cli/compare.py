"""`campaign compare`: one pair of conditions, or every verdict of a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaign.cli.shell_completion import campaign_names, condition_names

if TYPE_CHECKING:
    from campaign.analysis.runs import Runs
    from campaign.analysis.verdict import Verdict
    from campaign.folder.states import RunState
    from campaign.spec.hypotheses import Hypothesis


def compare(
    campaign: Annotated[
        str,
        typer.Argument(
            help="Folder of runs, campaign name, or spec.", show_default=False, autocompletion=campaign_names
        ),
    ],
    baseline: Annotated[
        str | None,
        typer.Argument(help="Condition to compare with.", show_default=False, autocompletion=condition_names),
    ] = None,
    candidate: Annotated[
        str | None,
        typer.Argument(help="Condition to judge.", show_default=False, autocompletion=condition_names),
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Metric to compare.", show_default=False)] = None,
    summary: Annotated[
        str,
        typer.Option(
            help="How a run is reduced to one number: auto, eval, tail, tail:N, final, mean, max, min, auc."
        ),
    ] = "auto",
    lower: Annotated[bool, typer.Option("--lower", help="Lower values are better.")] = False,
    min_effect: Annotated[float, typer.Option(help="Smallest effect of interest.")] = 0.0,
    alpha: Annotated[float, typer.Option(help="Error rate.")] = 0.05,
    welch: Annotated[
        bool, typer.Option("--welch", help="Use Welch's test: runs are not paired by seed.")
    ] = False,
    layout: Annotated[
        str | None,
        typer.Option(
            help="Path of a run's metrics, such as '{condition}_s{seed}/metrics.jsonl'.", show_default=False
        ),
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="Test although runs are missing; the comparisons are exploratory.")
    ] = False,
    include_stale: Annotated[
        bool,
        typer.Option(
            "--include-stale",
            help="Compare runs with other settings than the plan's too; the verdicts are exploratory.",
        ),
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare conditions on one number per run.

    Without conditions: every declared hypothesis, or all conditions against the first.

    Exit code 0: all are CONFIRMED, 1: one FAILED, 3: INCONCLUSIVE, confounded or exploratory.
    """
    from campaign.analysis.loading import load_runs
    from campaign.analysis.verdict import document, exit_code, verdicts
    from campaign.cli.console import print_json, stderr, stdout
    from campaign.cli.views.verdict_tables import show
    from campaign.errors import UsageError
    from campaign.execution.locate import folder_of

    folder = folder_of(campaign)
    states = stored_states(folder)
    runs = load_runs(folder, layout, states=states, generations=True, include_stale=include_stale)
    flags = {
        "metric": metric,
        "summary": summary,
        "direction": "lower" if lower else "higher",
        "min_effect": min_effect,
        "alpha": alpha,
        "test": "welch" if welch else "paired",
    }
    hypotheses = _from_flags(runs, baseline, candidate, flags)
    results = verdicts(runs, hypotheses, final=final)
    if baseline is not None and candidate is not None:
        results = _of_pair(results, baseline, candidate, hypotheses)
        if not results:
            raise UsageError(f"no hypothesis compares {candidate} with {baseline}")
    if json_:
        print_json(document(results, runs))
    else:
        show(results, stdout())
        for note in _notes(runs):
            stderr().print(f"note: {note}", markup=False, highlight=False)
        if runs.stale:
            stderr().print("--include-stale compares stale runs too; --rerun-stale of submit repeats them")
        if any(verdict.comparison.withheld for verdict in results):
            stderr().print(
                "if nothing more will run, --final tests the finished runs; the comparisons are then exploratory"
            )
    raise typer.Exit(exit_code(results))


def _notes(runs: Runs) -> list[str]:
    """What is to be known about the plan, and irregularities in the runs' files, each reported once with the runs that
    have it."""
    by_note: dict[str, list[str]] = {}
    for run in (*runs.runs, *runs.stale):
        for note in run.notes:
            by_note.setdefault(note, []).append(run.id)
    return [*runs.design.notes] + [
        f"{', '.join(ids[:3])}{f' and {len(ids) - 3} more' if len(ids) > 3 else ''}: {note}"
        for note, ids in by_note.items()
    ]


def stored_states(folder: Path) -> dict[str, RunState] | None:
    """The states of the runs in the campaign's store; None without a store."""
    from campaign.execution.store_reader import StoreReader
    from campaign.folder.paths import CampaignPaths

    paths = CampaignPaths(folder)
    if not paths.database.is_file():
        return None
    with StoreReader.open(paths) as reader:
        return {row.id: row.state for row in reader.runs()}


def _from_flags(
    runs: Runs, baseline: str | None, candidate: str | None, flags: dict[str, Any]
) -> tuple[Hypothesis, ...] | None:
    """The hypothesis of the flags, which are fields of `Hypothesis`; None to test the declared ones."""
    from pydantic import ValidationError

    from campaign.analysis.summaries import default_metric
    from campaign.errors import UsageError
    from campaign.spec.hypotheses import Hypothesis

    if (baseline is None) != (candidate is None):
        raise UsageError("give both conditions, baseline and candidate, or none")
    defaults = {name: field.default for name, field in Hypothesis.model_fields.items()} | {"metric": None}
    given = any(value != defaults[name] for name, value in flags.items())
    if not given and (baseline is None or _declared(runs, baseline, candidate)):
        return None
    metric = flags["metric"] or default_metric(runs)
    fields = flags | {"metric": metric, "baseline": baseline, "candidate": candidate}
    try:
        return (Hypothesis(name="comparison", family="asked", **fields),)
    except ValidationError as error:
        raise UsageError("; ".join(str(problem["msg"]) for problem in error.errors())) from None


def _declared(runs: Runs, baseline: str | None, candidate: str | None) -> bool:
    """Whether a declared hypothesis compares these two conditions."""
    from campaign.analysis.claims import claims_of

    design = runs.design
    if not design.hypotheses and design.frozen is None:
        return False
    claims = claims_of(runs, design.hypotheses, design.frozen, design.looks, None, "auto", "higher")
    return any((claim.baseline, claim.candidate) == (baseline, candidate) for claim in claims)


def _of_pair(
    results: tuple[Verdict, ...], baseline: str, candidate: str, hypotheses: tuple[Hypothesis, ...] | None
) -> tuple[Verdict, ...]:
    return tuple(
        verdict
        for verdict in results
        if verdict.comparison.baseline.condition == baseline
        and verdict.comparison.candidate.condition == candidate
        and (hypotheses is None or verdict.hypothesis == "comparison")
    )
