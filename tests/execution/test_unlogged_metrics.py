"""A hypothesis about a metric that the core does not log: said with the first rows, and correctable until a run ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import campaign
from campaign.errors import RunsFailed
from campaign.execution.unlogged_metrics import observed
from campaign.execution.view import read_view
from campaign.folder.atomic_files import write_json
from campaign.folder.outcome import Outcome
from campaign.folder.paths import CampaignPaths
from campaign.spec.hypotheses import (
    Frozen,
    Hypothesis,
    Mechanism,
    Observed,
    freeze,
    keep_frozen,
    read_frozen,
    refrozen,
    results_seen,
)
from tests.spec.conftest import Cli

CORE = """
import json, pathlib, sys
run, steps = pathlib.Path(sys.argv[1]), int(sys.argv[2])
with open(run / "metrics.jsonl", "a") as log:
    for step in range(steps):
        log.write(json.dumps({"step": step, "correct_rate": 0.1 * step, "val/loss": 1.0}) + "\\n")
sys.exit(int(sys.argv[3]))
"""
SPEC = """
[campaign]
name = "small"
seeds = [1, 2]
max_steps = 10

[[campaign.conditions]]
name = "base"

[[campaign.conditions]]
name = "other"
core.options.x = 1

[core]
command = ["python", "core.py", "{{run_dir}}", "{steps}", "{code}"]

[retry]
max_failures = 0

[[hypotheses]]
name = "h"
metric = "{metric}"
"""


def submit(folder: Path, metric: str, *, steps: int = 10, code: int = 0) -> Frozen:
    (folder / "core.py").write_text(CORE)
    (folder / "small.toml").write_text(SPEC.format(metric=metric, steps=steps, code=code))
    if code:
        with pytest.raises(RunsFailed):
            campaign.load("small.toml").submit(backend="local", retry_failed=True)
    else:
        campaign.load("small.toml").submit(backend="local", retry_failed=True)
    frozen = read_frozen(CampaignPaths(folder / "campaigns/small").frozen)
    assert frozen
    return frozen


def test_a_misspelt_metric_is_said_by_status_and_submit_with_the_name_that_rows_have(
    cli: Cli,
    tmp_path: Path,
) -> None:
    submit(tmp_path, "corect_rate")
    sentence = "hypothesis 'h': no row of base_s1 has 'corect_rate'; did you mean `correct_rate`?"
    assert sentence in cli("status", "small").out
    assert sentence in json.loads(cli("status", "small", "--json").out)["unlogged"][0]
    assert sentence in cli("submit", "small.toml", "--backend", "local").out
    assert "a corrected hypothesis is exploratory" in cli("status", "small").out
    for arguments in (["plan"], ["submit", "--dry-run"]):
        assert "no row of base_s1 has 'corect_rate'" in cli(*arguments, "small.toml").out


def test_a_metric_that_rows_have_is_not_mentioned_and_neither_is_one_that_is_held_out(
    tmp_path: Path, cli: Cli
) -> None:
    submit(tmp_path, "loss")
    assert read_view(CampaignPaths(tmp_path / "campaigns/small")).unlogged == ()


def test_a_metric_corrected_before_any_run_logged_a_row_stays_confirmatory(
    cli: Cli,
    tmp_path: Path,
) -> None:
    submit(tmp_path, "corect_rate", steps=0, code=1)
    assert submit(tmp_path, "correct_rate").hypotheses[0].metric == "correct_rate"


def test_a_metric_corrected_after_a_run_has_ended_with_rows_does_not_change_the_record(
    cli: Cli,
    tmp_path: Path,
) -> None:
    submit(tmp_path, "corect_rate", steps=3, code=1)
    shutil.rmtree(tmp_path / "campaigns/small/runs")
    assert submit(tmp_path, "correct_rate").hypotheses[0].metric == "corect_rate", (
        "deleting runs unfreezes nothing"
    )


def test_a_record_that_is_deleted_after_the_runs_is_not_frozen_anew(cli: Cli, tmp_path: Path) -> None:
    submit(tmp_path, "correct_rate")
    paths = CampaignPaths(tmp_path / "campaigns/small")
    paths.frozen.unlink()
    (tmp_path / "small.toml").write_text((tmp_path / "small.toml").read_text() + 'direction = "lower"\n')
    campaign.load("small.toml").submit(backend="local")
    assert not paths.frozen.exists()
    (verdict,) = campaign.open("small").verdicts()
    assert verdict.exploratory == ("no hypotheses were frozen before the runs",)


def test_what_was_observed_are_the_names_in_any_attempt_and_whether_one_ended_with_rows(
    tmp_path: Path,
) -> None:
    paths = CampaignPaths(tmp_path)
    assert observed(paths) == Observed()
    first, second = paths.run("base_s1").attempt(1), paths.run("base_s1").attempt(2)
    first.root.mkdir(parents=True)
    first.metrics.write_text('{"step": 0, "loss": 1.0}\n{"step": 1, "acc": null}\n')
    write_json(first.result, Outcome("stopped", 1).to_json())
    assert observed(paths) == Observed(frozenset({"step", "loss"}))
    second.root.mkdir()
    write_json(second.result, Outcome("failed", 2).to_json())
    assert observed(paths).ended
    first.metrics.unlink()
    assert observed(paths) == Observed(), "it failed before its first row"
    write_json(second.result, Outcome("finished", 2).to_json())
    assert observed(paths).ended, "its results may be in a file that campaign does not read"
    second.result.unlink()
    paths.run("base_s1").superseded.mkdir()
    assert observed(paths).ended, "results under other settings were seen too"
    shutil.rmtree(paths.runs)
    paths.run("base_s1").root.mkdir(parents=True)
    paths.run("base_s1").attempts_root.symlink_to("attempts")
    assert observed(paths).ended, "a damaged folder may have shown anything"


def declared(metric: str = "corect_rate", mechanism: str = "", **other: object) -> Frozen:
    second = Mechanism(metric=mechanism) if mechanism else None
    return freeze([Hypothesis(name="h", metric=metric, mechanism=second, **other)], [1, 2])  # type: ignore[arg-type]


ROWS = Observed(frozenset({"correct_rate", "val/loss"}))


@pytest.mark.parametrize(
    ("before", "after", "observed", "replaced"),
    [
        (declared(), declared("loss", min_effect=0.5), Observed(), True),
        (declared(), declared("correct_rate"), ROWS, True),
        (declared(mechanism="los"), declared("correct_rate", mechanism="loss"), ROWS, True),
        (declared(), declared("correct_rate", min_effect=0.1), ROWS, False),
        (declared("correct_rate"), declared("loss"), ROWS, False),
        (declared("loss"), declared("correct_rate"), ROWS, False),  # its held-out values were seen
        (declared(), declared("correct_rate"), Observed(ROWS.metrics, ended=True), False),
    ],
)
def test_record_is_replaced_only_by_what_nothing_that_was_seen_can_have_suggested(
    before: Frozen, after: Frozen, observed: Observed, replaced: bool
) -> None:
    record = refrozen(before, after, observed)
    assert record.hypotheses == (after if replaced else before).hypotheses
    assert bool(record.corrections) == (replaced and bool(observed.metrics))


def test_correction_after_the_first_rows_is_kept_with_the_record(
    tmp_path: Path,
) -> None:
    path = tmp_path / "frozen.json"
    keep_frozen(path, declared())
    keep_frozen(path, declared("correct_rate"), lambda: ROWS)
    record = keep_frozen(path, declared("correct_rate"), results_seen)
    assert read_frozen(path) == record
    assert [made.after for made in record.corrections] == ["correct_rate"]
    assert record.sha256 == declared("correct_rate").sha256


def test_seeds_and_looks_are_replaced_only_while_nothing_was_seen() -> None:
    before, after = declared(), declared().model_copy(update={"seeds": (1, 2, 3), "looks": (3,)})
    assert refrozen(before, after, Observed()) == after
    assert refrozen(before, after, ROWS) == before


def test_what_was_observed_is_only_read_when_the_record_would_change(tmp_path: Path) -> None:
    def never() -> Observed:
        raise AssertionError

    path = tmp_path / "frozen.json"
    assert keep_frozen(path, declared(), never) == declared()
    assert keep_frozen(path, declared(), never) == declared()
