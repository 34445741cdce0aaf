"""`campaign compare`: one pair of conditions, or every verdict of a campaign, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from campaign.analysis.runs import Runs
    from campaign.analysis.verdict import Verdict
    from campaign.folder.states import RunState
    from campaign.spec.hypotheses import Hypothesis


def compare(
    campaign: Annotated[
        str, typer.Argument(help="Folder of runs, campaign name, or spec.", show_default=False)
    ],
    baseline: Annotated[
        str | None, typer.Argument(help="Condition compared against.", show_default=False)
    ] = None,
    candidate: Annotated[
        str | None, typer.Argument(help="Condition that is judged.", show_default=False)
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Metric to compare.", show_default=False)] = None,
    summary: Annotated[
        str,
        typer.Option(
            help="How a run becomes a number: auto, eval, tail, tail:N, final, mean, max, min, auc."
        ),
    ] = "auto",
    lower: Annotated[bool, typer.Option("--lower", help="Lower values are better.")] = False,
    min_effect: Annotated[float, typer.Option(help="Smallest effect of interest.")] = 0.0,
    alpha: Annotated[float, typer.Option(help="Error rate.")] = 0.05,
    welch: Annotated[bool, typer.Option("--welch", help="Seeds are not pairs.")] = False,
    layout: Annotated[
        str | None,
        typer.Option(help="Where runs are: '{condition}_s{seed}/metrics.jsonl'.", show_default=False),
    ] = None,
    final: Annotated[bool, typer.Option("--final", help="Nothing more will run.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Compare conditions on one number per run.

    Without A and B: every declared hypothesis, or all conditions against the first. Exit code 0: CONFIRMED,
    1: FAILED, 3: INCONCLUSIVE.
    """
    from campaign.analysis.loading import load_runs
    from campaign.analysis.verdict import document, exit_code, verdicts
    from campaign.cli.compare_view import show
    from campaign.cli.console import print_json, stderr, stdout
    from campaign.errors import UsageError
    from campaign.execution.locate import folder_of

    folder = folder_of(campaign)
    runs = load_runs(folder, layout, states=stored_states(folder), generations=True)
    asked = _asked(runs, baseline, candidate, metric, summary, lower, min_effect, alpha, welch)
    results = verdicts(runs, asked, final=final)
    if baseline is not None and candidate is not None:
        results = _of_pair(results, baseline, candidate, asked)
        if not results:
            raise UsageError(f"nothing compares {candidate} with {baseline}")
    if json_:
        print_json(document(results, runs))
    else:
        show(results, stdout())
        for note in _notes(runs):
            stderr().print(f"note: {note}", markup=False, highlight=False)
        if any(verdict.comparison.withheld for verdict in results):
            stderr().print("nothing more will run? --final tests what is there, marked exploratory")
    raise typer.Exit(exit_code(results))


def _notes(runs: Runs) -> list[str]:
    """What was odd about files; what holds for many runs is said once."""
    by_note: dict[str, list[str]] = {}
    for run in runs.runs:
        for note in run.notes:
            by_note.setdefault(note, []).append(run.id)
    return [
        f"{', '.join(ids[:3])}{f' and {len(ids) - 3} more runs' if len(ids) > 3 else ''}: {note}"
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


def _asked(
    runs: Runs,
    baseline: str | None,
    candidate: str | None,
    metric: str | None,
    summary: str,
    lower: bool,
    min_effect: float,
    alpha: float,
    welch: bool,
) -> tuple[Hypothesis, ...] | None:
    """The hypothesis that the flags describe; None to take the declared ones."""
    from pydantic import ValidationError

    from campaign.analysis.summaries import default_metric
    from campaign.errors import UsageError
    from campaign.spec.hypotheses import Hypothesis

    if (baseline is None) != (candidate is None):
        raise UsageError("give both conditions, A and B, or none")
    flags = metric is not None or summary != "auto" or lower or welch or min_effect > 0 or alpha != 0.05
    if not flags and (baseline is None or _declared(runs, baseline, candidate)):
        return None
    try:
        made = Hypothesis(
            name="comparison",
            metric=metric or default_metric(runs),
            summary=summary,
            baseline=baseline,
            candidate=candidate,
            direction="lower" if lower else "higher",
            min_effect=min_effect,
            alpha=alpha,
            test="welch" if welch else "paired",
            family="asked",
        )
    except ValidationError as error:
        raise UsageError("; ".join(str(problem["msg"]) for problem in error.errors())) from None
    return (made,)


def _declared(runs: Runs, baseline: str | None, candidate: str | None) -> bool:
    """Whether a declared hypothesis compares these two."""
    from campaign.analysis.claims import claims_of

    design = runs.design
    if not design.hypotheses and design.frozen is None:
        return False
    claims = claims_of(runs, design.hypotheses, design.frozen, design.looks, None, "auto", "higher")
    return any((claim.baseline, claim.candidate) == (baseline, candidate) for claim in claims)


def _of_pair(
    results: tuple[Verdict, ...], baseline: str, candidate: str, asked: tuple[Hypothesis, ...] | None
) -> tuple[Verdict, ...]:
    return tuple(
        verdict
        for verdict in results
        if verdict.comparison.baseline.condition == baseline
        and verdict.comparison.candidate.condition == candidate
        and (asked is None or verdict.hypothesis == "comparison")
    )
