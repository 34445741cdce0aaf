"""Runs whose settings are not the plan's: in no comparison unless asked for, and named in every output."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

import campaign
from campaign.analysis.loading import load_runs
from campaign.analysis.verdict import verdicts
from campaign.cli.app import main
from campaign.errors import CampaignError, Incomplete, RunsFailed
from campaign.execution.enrolment import write_folder
from campaign.execution.view import CampaignView, RunView
from campaign.folder.json_lines import to_line
from campaign.folder.paths import CampaignPaths
from campaign.folder.states import RunState
from campaign.spec.load import from_document
from campaign.spec.plan_json import plan_to_json
from campaign.spec.reading import parse
from campaign.spec.resolve import resolve
from campaign.spec.run_config import write_run_config
from campaign.submission import require_complete

CORE = """
import json, os, sys, tomllib
config = tomllib.load(open(sys.argv[1], "rb"))
value = config["training"]["lr"] * 1000 + config["core"]["options"].get("bonus", 0)
with open(os.environ["CAMPAIGN_RUN_DIR"] + "/metrics.jsonl", "a") as log:
    for step in range(10):
        print(json.dumps({"step": step, "correct_rate": value + 0.01 * config["training"]["seed"]}), file=log)
"""
SPEC = """
[campaign]
name = "study"
seeds = [1, 2, 3]
max_steps = 10
[[campaign.conditions]]
name = "low"
[[campaign.conditions]]
name = "high"
"core.options.bonus" = 1
[core]
command = ["python", "train.py", "{config}"]
[training]
lr = 3e-4
[execution]
backend = "local"
"""
CHANGED = SPEC.replace("3e-4", "1e-4").replace("[1, 2, 3]", "[1, 2, 3, 4]")
CHANGE = "training.lr: 0.0003, the spec says 0.0001"
STALE = [f"{condition}_s{seed}" for condition in ("low", "high") for seed in (1, 2, 3)]

NAMED = {run: [CHANGE] for run in STALE}


@dataclass(frozen=True)
class Said:
    returncode: int
    stdout: str
    stderr: str


Call = Callable[..., Said]


def submit(folder: Path, *flags: str) -> Said:
    done = subprocess.run(
        [sys.executable, "-m", "campaign", "submit", "study.toml", *flags],
        cwd=folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The command line in this process: a new one takes a second."""
    monkeypatch.delenv("CAMPAIGN_DIR", raising=False)

    def called(folder: Path, *words: str) -> Said:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["campaign", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Said(ended.value.code if isinstance(ended.value.code, int) else 0, said.out, said.err)

    return called


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seeds 1 to 3 were run at one learning rate; the spec then got another one and a fourth seed, and was submitted."""
    folder = tmp_path_factory.mktemp("stale")
    (folder / "train.py").write_text(CORE)
    (folder / "study.toml").write_text(SPEC)
    first = submit(folder)
    assert first.returncode == 0, first.stderr
    (folder / "study.toml").write_text(CHANGED)
    (folder / "said.json").write_text(json.dumps(asdict(submit(folder))))
    return folder


@pytest.fixture
def copy(workplace: Path, tmp_path: Path) -> Path:
    return shutil.copytree(workplace, tmp_path / "copy", symlinks=True)


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_submit_names_the_stale_runs_at_its_start_and_at_its_end_and_does_not_succeed(
    workplace: Path,
) -> None:
    said = json.loads((workplace / "said.json").read_text())
    assert said["returncode"] == 1
    start, end = said["stderr"].split("starting the local backend")
    for part in (start, end):
        assert "6 runs are stale" in part
        assert CHANGE in part
    assert "--rerun-stale" in end
    # The table at the end counts and averages the runs of this plan only.
    assert "low             1/4          0.140" in said["stdout"]


def test_submit_with_nothing_to_run_still_names_the_stale_runs(workplace: Path) -> None:
    again = submit(workplace, "--json")
    assert again.returncode == 1
    assert CHANGE in again.stderr
    runs = {run["id"]: run for run in json.loads(again.stdout)["runs"]}
    assert [run for run in runs if runs[run]["stale"]] == STALE
    assert runs["low_s1"]["stale"] == [CHANGE]


def test_submit_that_makes_every_run_stale_does_not_point_at_the_page_of_the_plan_before(
    call: Call, copy: Path
) -> None:
    (copy / "study.toml").write_text(CHANGED.replace("1e-4", "5e-4"))
    said = call(copy, "submit", "study.toml")
    assert said.returncode == 1
    assert "report: campaigns/study/report/index.html" in said.stdout
    assert "the spec says 0.0005" in (copy / "campaigns/study/report/index.html").read_text()
    assert "headline_metric names" not in said.stdout  # the metric is right; there is no run to show


def test_status_names_the_stale_runs(call: Call, workplace: Path) -> None:
    said = call(workplace, "status", "study")
    assert "2/8 done, 6 stale" in said.stdout
    assert CHANGE in said.stdout
    document = json.loads(call(workplace, "status", "study", "--json").stdout)
    assert {run["id"]: run["stale"] for run in document["runs"] if run["stale"]} == NAMED
    assert document["conditions"][0]["done"] == 1
    assert "2 done" in call(workplace, "status").stdout
    assert "6 stale" in call(workplace, "status").stdout


@pytest.mark.parametrize("words", [("study",), ("study", "low", "high"), ("campaigns/study/runs",)])
def test_compare_leaves_stale_runs_out_and_names_them(
    call: Call, workplace: Path, words: tuple[str, ...]
) -> None:
    said = call(workplace, "compare", *words)
    assert "1 pair" in said.stdout
    assert "6 stale runs were left out" in one_line(said.stdout)
    assert CHANGE in one_line(said.stdout)
    document = json.loads(call(workplace, "compare", *words, "--json").stdout)
    comparison = document["verdicts"][0]["comparison"]
    assert comparison["n"] == 1
    assert set(comparison["dropped"]) == {"1", "2", "3"}
    assert document["stale"] == NAMED
    assert CHANGE in document["verdicts"][0]["reason"] + str(document["verdicts"][0]["notes"])


def test_a_copied_folder_without_a_store_is_judged_alike(call: Call, copy: Path) -> None:
    for name in ("campaign.db", "LOCK"):
        (copy / "campaigns/study" / name).unlink()
    shutil.move(copy / "campaigns/study", copy / "elsewhere")
    document = json.loads(call(copy, "compare", "elsewhere", "--json").stdout)
    assert document["stale"] == NAMED


def test_compare_includes_stale_runs_on_request_and_is_then_exploratory(call: Call, workplace: Path) -> None:
    document = json.loads(call(workplace, "compare", "study", "--include-stale", "--json").stdout)
    verdict = document["verdicts"][0]
    assert verdict["comparison"]["n"] == 4
    assert any("6 stale runs have other settings than the plan" in why for why in verdict["exploratory"])
    assert document["stale"] == NAMED


def test_the_report_leaves_stale_runs_out_and_names_them(workplace: Path) -> None:
    folder = workplace / "campaigns/study/report"
    document = json.loads((folder / "report.json").read_text())
    assert {run["id"]: run["stale"] for run in document["runs"] if run["stale"]} == NAMED
    assert document["complete"] is False
    assert document["conditions"][0]["mean"] == pytest.approx(0.14)
    assert all(run["value"] is None for run in document["runs"] if run["stale"])
    assert document["curves"]["correct_rate"]["low"]["seeds"][0] == 1
    for name in ("index.html", "report.md"):
        text = (folder / name).read_text().replace("\\", "")
        assert "6 stale runs have other settings than the plan and are in no comparison" in text
        assert CHANGE in text


def test_the_library_leaves_stale_runs_out_and_warns(workplace: Path) -> None:
    folder = workplace / "campaigns/study"
    opened = campaign.open(folder)
    with pytest.warns(UserWarning, match="6 stale runs"):
        assert opened.metrics()["seed"].unique().to_list() == [4]
    with pytest.warns(UserWarning, match="6 stale runs"):
        assert opened.verdicts()[0].comparison.n == 1
    assert [run.id for run in opened.runs if run.stale] == STALE
    with pytest.warns(UserWarning, match="included by request"):
        assert len(campaign.open(folder, include_stale=True).metrics()["seed"].unique()) == 4


def test_a_spec_that_was_changed_after_the_last_submit_is_reported_and_not_applied(
    call: Call, copy: Path
) -> None:
    # The folder of a campaign records where its spec was, and this is a copy.
    plan = copy / "campaigns/study/plan.json"
    document = json.loads(plan.read_text())
    document["provenance"]["workdir"] = str(copy)
    plan.write_text(json.dumps(document))
    (copy / "study.toml").write_text("# a comment changes nothing\n" + CHANGED)
    assert "changed after" not in call(copy, "status", "study").stdout
    (copy / "study.toml").write_text(CHANGED.replace("1e-4", "5e-4"))
    words = "study.toml was changed after the last submit (training.lr: 0.0001 when submitted, 0.0005 now)"
    assert words in call(copy, "status", "study").stdout
    compared = call(copy, "compare", "study")
    assert words in one_line(compared.stderr)
    assert CHANGE in one_line(compared.stdout)
    assert words in call(copy, "report", "study", "--format", "md").stdout.replace("\\", "")
    assert any(words in note for note in json.loads(call(copy, "compare", "study", "--json").stdout)["notes"])


def test_rerun_stale_repeats_them_and_the_campaign_is_then_complete(call: Call, copy: Path) -> None:
    again = submit(copy, "--rerun-stale")
    assert again.returncode == 0, again.stderr
    assert "stale" not in again.stdout + again.stderr
    document = json.loads(call(copy, "compare", "study", "--json").stdout)
    assert document["stale"] == {}
    verdict = document["verdicts"][0]
    assert verdict["comparison"]["n"] == 4
    # The first results may have been why the settings were changed, so that they were is stated.
    assert any("settings were changed after runs had ended" in note for note in verdict["notes"])


# -- folders written by hand ---------------------------------------------------------------------------------

Write = Callable[..., CampaignPaths]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the runs of one spec, and the plan of another."""

    def written(
        ran: str, planned: str, rates: dict[str, float], *, leave: tuple[str, ...] = ()
    ) -> CampaignPaths:
        paths = CampaignPaths(tmp_path / "study")
        # `leave`: runs that keep the settings of `ran`; the others have those of the plan.
        plan = resolve(from_document(parse(planned, "study.toml"), tmp_path / "study.toml"))
        old = resolve(from_document(parse(ran, "study.toml"), tmp_path / "study.toml"))
        runs = {run.id: run for run in plan.runs} | {run.id: run for run in old.runs if run.id in leave}
        write_folder(paths, planned, plan_to_json(plan))
        for run_id, run in runs.items():
            folder = paths.run(run_id)
            folder.root.mkdir(parents=True)
            write_run_config(run.config, folder.config)
            rate = rates[run.condition.label] + 0.001 * run.seed**2
            rows = ({"step": step, "correct_rate": rate, "val_only_old": 1.0} for step in range(10))
            folder.metrics.write_text("".join(to_line(row) for row in rows))
        return paths

    return written


EIGHT = SPEC.replace("[1, 2, 3]", "[1, 2, 3, 4, 5, 6, 7, 8]")
RATES = {"low": 0.3, "high": 0.6}


def verdict_of(paths: CampaignPaths, **options: Any) -> Any:
    return verdicts(load_runs(paths.root), **options)[0]


def test_a_side_that_has_only_stale_runs_is_said_to_have_only_stale_runs(write: Write) -> None:
    lows = tuple(f"low_s{seed}" for seed in range(1, 9))
    verdict = verdict_of(write(EIGHT, EIGHT.replace("3e-4", "1e-4"), RATES, leave=lows))
    assert verdict.litmus == "INCONCLUSIVE"
    assert verdict.comparison.p is None
    assert "all runs of low are stale" in verdict.reason
    assert CHANGE in verdict.reason


def test_a_campaign_that_has_only_stale_runs_is_compared_with_nothing(write: Write) -> None:
    every = tuple(f"{condition}_s{seed}" for condition in ("low", "high") for seed in range(1, 9))
    verdict = verdict_of(write(EIGHT, EIGHT.replace("3e-4", "1e-4"), RATES, leave=every))
    assert verdict.comparison.n == 0
    assert "all runs of low and of high are stale" in verdict.reason


def test_the_evidence_minima_count_only_the_runs_that_are_compared(write: Write) -> None:
    spec = EIGHT + '[[hypotheses]]\nname = "h"\nmetric = "correct_rate"\nmin_pairs = 6\n'
    stale = tuple(f"high_s{seed}" for seed in (1, 2, 3))
    verdict = verdict_of(write(spec, spec.replace("3e-4", "1e-4"), RATES, leave=stale), final=True)
    assert [(row.label, row.met) for row in verdict.minima] == [("pairs", False)]
    assert "5 pairs" in verdict.minima[0].words
    assert "CONFIRMED" not in verdict.outcome


def test_a_declared_look_is_not_reached_with_stale_runs(write: Write) -> None:
    spec = EIGHT.replace("max_steps", "looks = [4, 8]\nmax_steps")
    paths = write(spec, spec.replace("3e-4", "1e-4"), RATES, leave=("low_s2",))
    assert verdict_of(paths).comparison.p is None
    assert "low_s2" in verdict_of(paths).reason
    shutil.rmtree(paths.root)
    # The first look needs the first four seeds only, and they are as planned.
    paths = write(spec, spec.replace("3e-4", "1e-4"), RATES, leave=("low_s7",))
    assert verdict_of(paths).comparison.p is not None
    assert any("low_s7" in note for note in verdict_of(paths).notes)


def test_a_stale_run_decides_neither_length_nor_metric_of_the_others(write: Write) -> None:
    longer = EIGHT.replace("max_steps = 10", "max_steps = 20")
    paths = write(longer, EIGHT, RATES, leave=("low_s1",))
    rows = ({"step": step, "correct_rate": 0.1, "val/correct_rate": 0.1} for step in range(20))
    paths.run("low_s1").metrics.write_text("".join(to_line(row) for row in rows))
    verdict = verdict_of(paths, final=True)
    assert verdict.comparison.n == 7
    assert verdict.comparison.metric == "correct_rate"


def test_a_run_of_a_seed_that_was_removed_is_stale_when_its_settings_are_old(write: Write) -> None:
    seven = EIGHT.replace(", 8]", "]")
    paths = write(EIGHT, seven.replace("3e-4", "1e-4"), RATES, leave=("low_s8", "high_s8"))
    assert set(load_runs(paths.root).stale_of(("low", "high"))) == {"low_s8", "high_s8"}
    shutil.rmtree(paths.root)
    # A seed that is only removed is still compared: leaving it out after seeing it would be selective reporting.
    paths = write(EIGHT, seven, RATES, leave=("low_s8", "high_s8"))
    assert verdict_of(paths).comparison.n == 8


def test_a_run_of_a_condition_that_was_removed_is_noted_when_its_settings_are_old(write: Write) -> None:
    third = EIGHT.replace("[core]", '[[campaign.conditions]]\nname = "old"\n"core.options.bonus" = 2\n[core]')
    rates = {**RATES, "old": 0.5}
    paths = write(third, EIGHT.replace("3e-4", "1e-4"), rates, leave=("old_s1",))
    notes = load_runs(paths.root).notes
    assert any(note.startswith("old_s1:") and CHANGE in note for note in notes)


def test_without_a_plan_runs_of_one_condition_with_different_settings_are_noted(write: Write) -> None:
    paths = write(EIGHT, EIGHT.replace("3e-4", "1e-4"), RATES, leave=("low_s2",))
    paths.plan.unlink()
    notes = load_runs(paths.root).notes
    assert [note for note in notes if "other settings" in note] == [
        "low_s2: it has other settings than low_s1: training.lr: 0.0003, low_s1 has 0.0001"
    ]


def test_a_run_without_its_configuration_is_noted(write: Write) -> None:
    paths = write(EIGHT, EIGHT, RATES)
    paths.run("low_s2").config.unlink()
    # A file of this name above the campaign belongs to something else.
    (paths.root.parent / "config.toml").write_text("[training]\nlr = 7.0\n")
    found = load_runs(paths.root)
    assert [note for note in found.notes if note.startswith("low_s2: its config.toml is missing")] != []
    assert found.stale == ()


@pytest.mark.parametrize(("state", "error"), [("failed", RunsFailed), ("cancelled", Incomplete)])
def test_the_end_of_a_submit_names_stale_runs_beside_failed_and_cancelled_ones(
    state: RunState, error: type[CampaignError]
) -> None:
    runs = (
        RunView("a_s1", "a", 1, "done", 10, 10, None, None, 1, 0, 0, "", (CHANGE,)),
        RunView("a_s2", "a", 2, state, 5, 10, None, None, 1, 0, 0, ""),
    )
    view = CampaignView("study", None, "correct_rate", runs, (), None)
    with pytest.raises(error, match=f"(?s)1 run is stale.*a_s1: {CHANGE}.*--rerun-stale"):
        require_complete(view, "complete", "campaign submit study.toml")
