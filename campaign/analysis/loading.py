"""Loads the runs of a folder: finds their files, reads them in parallel, and determines the state of each run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from campaign.analysis.campaign_design import CampaignDesign, read_design
from campaign.analysis.completions import count
from campaign.analysis.layout import Found, find_runs, run_name
from campaign.analysis.records import KnownColumns, Owner, Record, read_record, record_of
from campaign.analysis.runs import Run, Runs
from campaign.analysis.stale_runs import StaleRuns
from campaign.errors import UsageError
from campaign.folder.completeness import AttemptSteps, StepLog, missing_words, read_shortfall
from campaign.folder.outcome import read_outcome
from campaign.folder.paths import RunPaths
from campaign.folder.regular_files import open_regular, reason_of
from campaign.folder.run_record import RecordFormat, is_live, merged_rows, read_config
from campaign.folder.states import RunState

PIECE = 2**20


@dataclass(frozen=True, slots=True)
class _File:
    found: Found
    records: Mapping[Owner, Record]
    state: RunState
    shortfall: str = ""


def load_runs(
    folder: Path,
    layout: str | None = None,
    *,
    states: Mapping[str, RunState] | None = None,
    generations: bool = False,
    include_stale: bool = False,
) -> Runs:
    """Every run of a folder. Stale ones are kept apart, in `Runs.stale`, unless `include_stale`.

    `layout` tells where the metrics are when the folder is not a campaign's, for example
    ``{condition}_s{seed}/metrics.jsonl``. `states` (run id -> state) come from the campaign's store. Without it
    the files decide: the record of a finished run is a regular file, that of a live run a link into its
    attempt. With `generations`, each run's logged completions are counted too, and the correct ones among them.

    Raises `UsageError` when there are no runs, or when their condition or seed is unknown.
    """
    found = find_runs(folder, layout)
    design = read_design(folder)
    stale = StaleRuns()
    # polars and file reads release the GIL, so threads help here.
    with ThreadPoolExecutor(max_workers=4) as pool:
        known = KnownColumns()
        files = list(pool.map(partial(_read, known=known), found))
    runs: dict[tuple[str, int], Run] = {}
    for file in files:
        for run in _runs_of(file, folder):
            if (state := (states or {}).get(run.id)) is not None and not run.shortfall:
                run = replace(run, state=state)
            settings = stale.of(run.path, run.condition, run.id)
            notes = (*run.notes, *settings.notes)
            run = replace(
                run,
                stale=settings.stale,
                notes=notes,
                code=stale.code_of(run.path),
                repeated=bool(RunPaths(run.path.parent).superseded_records()),
                executed_again=RunPaths(run.path.parent).executed_again.is_file(),
            )
            if generations:
                run = replace(run, generations=count_generations(run), completions=count_completions(run))
            key = (run.condition, run.seed)
            if key in runs:
                raise UsageError(f"two files claim to be run {run.id}: {runs[key].path} and {run.path}")
            runs[key] = run
    formats = _formats(runs.values())
    own_end = {condition for condition, found in formats.items() if found.early_stopping}
    planned = {condition: found.steps for condition, found in formats.items() if found.steps}
    steps = {**planned, **design.steps}
    design = replace(design, steps={label: steps[label] for label in steps if label not in own_end})
    checked = {key: _checked(run, formats.get(run.condition)) for key, run in runs.items()}
    ordered = _in_order(checked, design)
    return Runs(
        tuple(run for run in ordered if include_stale or not run.stale),
        design,
        folder,
        () if include_stale else tuple(run for run in ordered if run.stale),
    )


def count_generations(run: Run) -> int | None:
    """Completions in the run's emergence log; None when there is no such log."""
    usual = RunPaths(run.path.parent).emergence_generations
    for log in (usual, run.path.with_name(usual.name)):
        with suppress(OSError), open_regular(log) as file:
            return sum(piece.count(b"\n") for piece in iter(partial(file.read, PIECE), b""))
    return None


def count_completions(run: Run) -> tuple[int, int] | None:
    """Correct completions and all completions, counted in the run's metrics or else in its emergence log."""
    if (counted := count(run)) is not None:
        return counted
    try:
        records = list(read_record(RunPaths(run.path.parent).emergence_steps).values())
    except OSError:
        return None
    if len(records) != 1:
        return None
    return count(Run(run.condition, run.seed, records[0].steps, records[0].metrics))


def _read(found: Found, known: KnownColumns) -> _File:
    """A file that cannot be read costs its own run; the others are still compared."""
    try:
        return _read_file(found, known)
    except OSError as error:
        reason = reason_of(error)
        empty = Record(np.zeros(0, dtype=np.int64), {}, (reason,))
        return _File(found, {(None, None): empty}, "failed", reason)


def _read_file(found: Found, known: KnownColumns) -> _File:
    run = RunPaths(found.path.parent)
    if found.path == run.metrics and is_live(run):
        rows = merged_rows(run, RecordFormat.from_config(read_config(run)))
        return _File(found, record_of(rows), _live_state(run))
    completions = found.path.name == run.emergence_generations.name
    named = found.condition is not None and found.seed is not None
    records = read_record(found.path, known, completions=completions, one_run=named)
    short = read_shortfall(run) if found.path == run.metrics else None
    return _File(found, records, short.state if short else "done", short.reason if short else "")


def _live_state(run: RunPaths) -> RunState:
    """The state of a run whose record still leads into its attempts."""
    attempts = run.attempts()
    outcome = read_outcome(attempts[-1]) if attempts else None
    return "failed" if outcome is not None and outcome.kind == "failed" else "running"


def _runs_of(file: _File, folder: Path) -> list[Run]:
    records = dict(file.records) or {(None, None): Record(np.zeros(0, dtype=np.int64), {}, ("it is empty",))}
    runs = []
    for (condition, seed), record in records.items():
        folder_name = run_name(file.found.path.parent.name)
        condition = file.found.condition or condition or folder_name[0]
        seed = next((s for s in (file.found.seed, seed, folder_name[1]) if s is not None), None)
        if condition is None or seed is None:
            lacking = "condition" if condition is None else "seed"
            raise UsageError(
                f"{file.found.path.relative_to(folder)}: no {lacking} in its path nor in its rows\n"
                "    name it in the path, for example --layout '{condition}_s{seed}/metrics.jsonl'"
            )
        runs.append(
            Run(
                condition,
                seed,
                record.steps,
                record.metrics,
                file.found.path,
                file.state,
                notes=record.notes,
                shortfall=file.shortfall,
            )
        )
    return runs


def _formats(runs: Iterable[Run]) -> dict[str, RecordFormat]:
    """How the core of each condition logs, from the configuration of its first run that has one."""
    formats: dict[str, RecordFormat] = {}
    for run in runs:
        if run.condition not in formats and (config := read_config(RunPaths(run.path.parent))):
            formats[run.condition] = RecordFormat.from_config(config)
    return formats


def _checked(run: Run, record_format: RecordFormat | None) -> Run:
    """The run as short when steps are missing from the record of a core that logs every one.

    A record is checked when it is merged. This also finds those that were changed later, or merged by a version
    that did not check.
    """
    if record_format is None:
        return run
    run = replace(run, own_end=record_format.early_stopping)
    if run.state != "done" or not record_format.every_step or len(run.steps) == run.length:
        return run
    log = StepLog((AttemptSteps(0, tuple(run.steps.tolist()), damaged=True),), every_step=True)
    return replace(run, state="short", shortfall=missing_words(log.missing()))


def _in_order(runs: Mapping[tuple[str, int], Run], design: CampaignDesign) -> tuple[Run, ...]:
    """Sorted by condition, then seed, as planned, so that the order in which files were found does not matter."""
    conditions = {label: number for number, label in enumerate(design.conditions)}
    seeds = {seed: number for number, seed in enumerate(design.seeds)}

    def sort_key(run: Run) -> tuple[int, str, int, int]:
        return (
            conditions.get(run.condition, len(conditions)),
            run.condition,
            seeds.get(run.seed, len(seeds)),
            run.seed,
        )

    return tuple(sorted(runs.values(), key=sort_key))
