"""What the rows of a campaign's runs show about its hypotheses: metrics that no row has, and what was seen so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from campaign.execution.store_reader import StoreEmpty, StoreReader
from campaign.folder.outcome import read_outcome
from campaign.folder.paths import CampaignPaths, RunPaths
from campaign.folder.plan_document import PlanDocument, plan_or_empty
from campaign.folder.regular_files import DamagedFile
from campaign.folder.run_record import RecordFormat, merged_rows, read_config
from campaign.folder.states import ENDED, RunState
from campaign.metrics.logged_metrics import HELD_OUT
from campaign.spec.hypotheses import Hypothesis, Mechanism, Observed, read_hypotheses
from campaign.spec.planned_runs import Facts, Plan
from campaign.suggest import suggest


def logged_names(run: RunPaths) -> frozenset[str]:
    """The names in the rows of all attempts of a run, under campaign's names."""
    rows = merged_rows(run, RecordFormat.from_config(read_config(run)))
    return frozenset(name for row in rows for name, value in row.items() if value is not None)


def observed(paths: CampaignPaths) -> Observed:
    """What could be seen of the campaign's runs so far, in any attempt; only that, once a run has ended with rows."""
    names: set[str] = set()
    for folder in sorted(paths.runs.iterdir()) if paths.runs.is_dir() else ():
        run = RunPaths(folder)
        try:
            logged = logged_names(run)
            kinds = {outcome.kind for attempt in run.attempts() if (outcome := read_outcome(attempt))}
        except OSError:  # a damaged folder costs no submit, and nobody can tell what was seen of its run
            return Observed(frozenset(names), ended=True)
        names |= logged
        # A core that has finished has shown its results, if only in its own words or in a file that is not read.
        has_ended = "finished" in kinds or (bool(logged) and "failed" in kinds)
        # Superseded attempts were made under other settings, but what they showed was seen.
        if has_ended or run.superseded.is_dir():
            return Observed(frozenset(names), ended=True)
    return Observed(frozenset(names), ended=_has_lost_attempts(paths))


def _has_lost_attempts(paths: CampaignPaths) -> bool:
    """Whether the folder of an attempt whose core has ended is gone, so that nobody can tell what it showed: deleting
    the runs must not unfreeze the hypotheses."""
    if not paths.database.exists():
        return False
    try:
        with StoreReader.open(paths) as store:
            return any(
                _core_ended(attempt["outcome"])
                and not paths.run(row.id).attempt(attempt["number"]).root.exists()
                for row in store.runs(enrolled_only=False)
                for attempt in store.attempts(row.id)
            )
    except StoreEmpty:
        return False


def _core_ended(outcome: Mapping[str, Any] | None) -> bool:
    """Whether the attempt had a core. One that was lost before it started has neither an exit code nor a signal."""
    return outcome is not None and (
        outcome["kind"] in ("finished", "failed", "stopped") or bool(outcome["signal"])
    )


def with_unlogged(plan: Plan, facts: Facts, paths: CampaignPaths) -> Plan:
    """The plan with a note for each of its hypotheses about a metric that no row has."""
    known = [(run, fact) for run in plan.runs if (fact := facts.runs.get(run.id))]
    states = {
        run.id: (run.condition.label, fact.state, (fact.last_step or 0) + 1)
        for run, fact in known
        if fact.attempts
    }
    return (
        replace(plan, notes=plan.notes + UnloggedMetrics(paths, plan).sentences(states)) if states else plan
    )


class UnloggedMetrics:
    """Finds the hypotheses of a campaign whose metric no row has, one run of each condition at a time.

    The record of a live run is read again when it has twice as many steps, so that looking often costs little. The
    hypotheses are those of `plan`, by default of the campaign's `plan.json`.
    """

    def __init__(self, paths: CampaignPaths, plan: Plan | PlanDocument | None = None) -> None:
        self._paths = paths
        self._plan = plan
        self._pending: dict[tuple[str, str, str, str], None] | None = None
        """Hypothesis, metric, summary and condition that were not yet found in a row."""
        self._read: dict[str, tuple[int, bool, frozenset[str]]] = {}
        """Run -> number of steps, whether it had ended, and names when its record was last read."""

    def sentences(self, states: Mapping[str, tuple[str, RunState, int]]) -> tuple[str, ...]:
        """One sentence per metric and hypothesis. `states`: run -> condition, state, and number of steps."""
        if self._pending is not None and not self._pending:
            return ()
        logged = {run: seen for run, seen in states.items() if seen[2]}
        if not logged:
            return ()
        if self._pending is None:
            self._pending = dict.fromkeys(self._measured())
        said: dict[tuple[str, str], str] = {}
        for key in list(self._pending):
            hypothesis, metric, summary, condition = key
            run = _representative(logged, condition)
            if run is None:
                continue
            ended = logged[run][1] in ENDED
            names = self._names(run, logged[run][2], ended)
            if names is None:
                continue
            if _is_logged(metric, summary, names):
                del self._pending[key]
            elif ended or not _is_held_out(metric, summary):
                said.setdefault(
                    (hypothesis, metric), _sentence(hypothesis, metric, summary, run, names, ended)
                )
        return tuple(said.values())

    def _measured(self) -> Iterator[tuple[str, str, str, str]]:
        plan = self._plan or plan_or_empty(self._paths.plan)
        try:
            hypotheses = read_hypotheses(plan.hypotheses)
        except (ValueError, TypeError):  # written by another version; `compare` reports it
            return
        labels = [condition.label for condition in plan.conditions]
        for hypothesis in hypotheses if labels else ():
            claims: list[Hypothesis | Mechanism] = [hypothesis]
            if hypothesis.mechanism is not None:
                claims.append(hypothesis.mechanism)
            for claim in claims:
                for condition in hypothesis.conditions_of(labels):
                    yield hypothesis.name, claim.metric, claim.summary, condition

    def _names(self, run: str, steps: int, ended: bool) -> frozenset[str] | None:
        """None when the record cannot be read, which is said of the run."""
        known = self._read.get(run)
        if known is None or steps >= 2 * known[0] or ended > known[1]:
            try:
                self._read[run] = known = (steps, ended, logged_names(self._paths.run(run)))
            except DamagedFile:
                return None
        return known[2]


def _representative(logged: Mapping[str, tuple[str, RunState, int]], condition: str) -> str | None:
    """A run of the condition, preferably one that is done; None when it has no rows yet."""
    runs = [(state != "done", run) for run, (label, state, _) in logged.items() if label == condition]
    return min(runs)[1] if runs else None


def _is_held_out(metric: str, summary: str) -> bool:
    return summary == "eval" or metric.startswith(HELD_OUT)


def _is_logged(metric: str, summary: str, names: frozenset[str]) -> bool:
    held_out = metric if metric.startswith(HELD_OUT) else f"{HELD_OUT}{metric}"
    readable = {"auto": (metric, held_out), "eval": (held_out,)}.get(summary, (metric,))
    return any(name in names for name in readable)


def _sentence(
    hypothesis: str, metric: str, summary: str, run: str, names: frozenset[str], ended: bool
) -> str:
    name = metric if summary != "eval" or metric.startswith(HELD_OUT) else f"{HELD_OUT}{metric}"
    found = suggest(name, sorted(names - {"step", "condition", "seed"}), "its rows have")
    then = (
        "a corrected hypothesis is exploratory, because results were seen"
        if ended
        else "corrected and submitted again before a run ends, the hypothesis stays confirmatory"
    )
    until_now = "" if ended else " so far"
    return f"hypothesis {hypothesis!r}: no row of {run} has {name!r}{until_now}; {found}; {then}"
