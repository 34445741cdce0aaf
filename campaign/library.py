"""Campaigns from Python, in a script or a notebook.

import campaign

done = campaign.load("study.toml").submit()  # runs what is missing; prints nothing
done.metrics()                               # polars: one row per run and step
done.verdicts()                              # what `campaign compare` prints
done.plot("correct_rate")                    # an Altair chart

campaign.load("study.toml").plan()           # what a submit would do
campaign.open("campaigns/first_light")       # a campaign that was submitted before
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from campaign.errors import UsageError

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

    from campaign.analysis.verdict import Verdict
    from campaign.execution.view import CampaignView
    from campaign.report.campaign_record import CampaignRecord
    from campaign.report.run_table import RunTable
    from campaign.spec.planned_runs import Facts, Plan
    from campaign.spec.spec import Spec


@dataclass(frozen=True)
class LoadedSpec:
    """A campaign file, read and validated."""

    spec: Spec

    def __repr__(self) -> str:
        return f"LoadedSpec({str(self.spec.path)!r})"

    @property
    def name(self) -> str:
        return self.spec.name

    def plan(self, facts: Facts | None = None) -> Plan:
        """What the campaign would do; with `facts` about earlier runs, what is left to do."""
        from campaign.spec.planned_runs import Facts
        from campaign.spec.resolve import resolve

        return resolve(self.spec, facts or Facts())

    def submit(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        retry_failed: bool = False,
        rerun_stale: bool = False,
        allow_confounds: str | None = None,
        backend: str | None = None,
        address: str | None = None,
        on_progress: Callable[[CampaignView], None] | None = None,
    ) -> OpenCampaign:
        """Run what is missing in this process, as `campaign submit` does, and return the campaign.

        `folder` is `campaigns/NAME` when not given; the other arguments are the flags of the command, for example
        `backend="local"` to run without Ray. Nothing is printed: `on_progress` gets the campaign's state about twice
        per second. Interrupting the notebook lets the runs save their state and end.

        Raises `Confounded` before anything starts, when the conditions differ outside the fields under test and
        `allow_confounds` gives no reason; `UsageError` when another process executes the campaign; `Infeasible` when
        the backend cannot start; `RunsFailed`, `StaleRuns`, `Incomplete` or `Interrupted` unless every run is done with
        the settings of the spec. A proof that is neither proven nor refuted does not stop a submit; it is in `check.json` and in the report.
        """
        from campaign.execution.locate import campaigns_root
        from campaign.folder.paths import CampaignPaths
        from campaign.submission import SubmitOptions, submit

        paths = CampaignPaths(Path(folder) if folder is not None else campaigns_root() / self.name)
        given = None if folder is None else paths.root
        options = SubmitOptions(retry_failed, rerun_stale, allow_confounds, backend, address, given)
        submit(self.spec, paths, options, on_progress)
        return OpenCampaign(paths.root)

    def _repr_html_(self) -> str:
        from campaign.report.run_table import html_table

        plan = self.plan()
        rows = [(run.id, run.action, run.reason) for run in plan.runs]
        return html_table(f"{plan.name}: {len(plan.runs)} runs", ("run", "action", "reason"), rows)


@dataclass(frozen=True)
class OpenCampaign:
    """A campaign's folder as it was when its record was first read."""

    folder: Path
    include_stale: bool = False
    """Whether metrics, verdicts and plots have runs with other settings than the plan's too."""

    @cached_property
    def record(self) -> CampaignRecord:
        from campaign.report.campaign_record import read_campaign

        return read_campaign(self.folder, include_stale=self.include_stale)

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def conditions(self) -> tuple[str, ...]:
        return self.record.conditions

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.record.seeds

    @property
    def runs(self) -> RunTable:
        """Every run, started or not: `id`, `condition`, `seed`, `state`, `stale`, `steps`, `config`, `data`. A tuple
        that is displayed as a table."""
        from campaign.report.run_table import RunTable

        return RunTable(self.record.runs)

    def metrics(self) -> pl.DataFrame:
        """One row per run and step: `condition`, `seed`, `step`, then every metric (null where absent).

        Stale runs have no rows; a warning names them.
        """
        self._warn()
        return self.record.record.frame()

    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict per hypothesis; without any, every condition against the first, exploratory.

        Raises `UsageError` when there is nothing to compare.
        """
        from campaign.analysis.verdict import verdicts

        self._warn()
        return verdicts(self.record.record)

    def plot(self, metric: str | None = None) -> alt.LayerChart:
        """Learning curves of `metric`, by default the headline metric: mean over the seeds of each condition, range
        from lowest to highest seed.

        Raises `UsageError` for a metric that no run has.
        """
        from campaign.report.curves import curves
        from campaign.report.figures import learning_curve
        from campaign.report.finals import final_values

        metric = metric or final_values(self.record).metric

        self._warn()
        found = curves(self.record, metric)
        if found is None:
            raise UsageError(f"no run has {metric!r}\n    there are: {', '.join(self.record.record.metrics)}")
        return learning_curve(found, self.record.conditions).to_altair()

    def plot_differences(self) -> alt.LayerChart:
        """Candidate minus baseline of the declared comparisons, one point per seed.

        Without hypotheses, every condition minus the first one. Raises `UsageError` when no seed is complete in both
        conditions of a pair.
        """
        from campaign.report.figures import difference_plot
        from campaign.report.finals import final_values
        from campaign.report.paired import paired_differences
        from campaign.report.verdict_cards import judge

        self._warn()
        final = final_values(self.record)
        pairs = paired_differences(self.record, final, judge(self.record))
        figure = difference_plot(pairs, final.metric, self.record.conditions)
        if figure is None:
            raise UsageError("no seed is complete in both conditions of a pair")
        return figure.to_altair()

    def plot_seeds(self) -> alt.LayerChart:
        """Heat map of every run's final value: one column per seed, one row per condition.

        Raises `UsageError` when no run is complete.
        """
        from campaign.report.figures import seed_heat_map
        from campaign.report.finals import final_values

        self._warn()
        figure = seed_heat_map(final_values(self.record), self.record.conditions, self.record.seeds)
        if figure is None:
            raise UsageError("no run is complete")
        return figure.to_altair()

    def report(self, out: Path | None = None) -> Path:
        """Write the report; returns the path of its page."""
        from campaign.report.build import build_report

        return build_report(self.folder, out)

    def _warn(self) -> None:
        """A `UserWarning` that names the stale runs, because what is returned cannot."""
        from campaign.report.captions import stale_warning

        if self.record.stale:
            warnings.warn(stale_warning(self.record), stacklevel=3)

    def _repr_html_(self) -> str:
        from campaign.report.captions import format_value
        from campaign.report.finals import final_values
        from campaign.report.run_table import html_table

        final = final_values(self.record)
        rows = [
            (run.condition, str(run.seed), run.shown_state, str(run.steps), format_value(final.get(run)))
            for run in self.runs
        ]
        return html_table(self.name, ("condition", "seed", "state", "steps", final.metric), rows)


def load(spec: str | os.PathLike[str], *, import_modules: bool = False) -> LoadedSpec:
    """Read a campaign file. Raises `SpecError` with every problem of the file.

    Conditions that are Python modules are evaluated from their sources; with `import_modules`, each is executed in a
    separate process, as `campaign submit` does.
    """
    from campaign.check.campaign_file import read_campaign

    return LoadedSpec(read_campaign(Path(spec), import_modules=import_modules))


def open_campaign(campaign: str | os.PathLike[str], *, include_stale: bool = False) -> OpenCampaign:
    """Open a campaign by its folder, its name, or its spec. Raises `UsageError` when there is none.

    Stale runs, whose settings are not those of the plan, are listed but in no metrics, verdict or plot, unless
    `include_stale`; the verdicts are then exploratory.
    """
    from campaign.execution.locate import folder_of

    return OpenCampaign(folder_of(os.fspath(campaign)), include_stale)
