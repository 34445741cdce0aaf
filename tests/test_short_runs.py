"""A run whose core exits with 0 is done only when its record is complete; otherwise every output says what is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import campaign
from campaign.cli.app import app
from campaign.errors import RunsFailed
from campaign.folder.json_lines import read_jsonl
from campaign.folder.paths import CampaignPaths

CORE = """
import json, os, sys

run_dir, checkpoint = sys.argv[1:3]
step = int(checkpoint.rsplit("_", 1)[1]) if checkpoint else 0
here = os.path.dirname(os.path.abspath(__file__))
label = os.environ["CAMPAIGN_CONDITION"] + "_s" + os.environ["CAMPAIGN_SEED"]
settings = json.load(open(os.path.join(here, "ends.json")))
with open(os.path.join(run_dir, "metrics.jsonl"), "a") as log:
    while step < settings.get(label, 20):
        if step != settings.get(label + " leaves out"):
            row = {"step": step, "correct_rate": 0.5, "seed": 99, "condition": "mine", "eval": {"acc": 1}}
            log.write(json.dumps(row) + "\\n")
        step += 1
os.makedirs(os.path.join(run_dir, "checkpoints", f"step_{step:06d}"))
"""
SPEC = """
[campaign]
seeds = [1, 2]
max_steps = 20

[[campaign.conditions]]
name = "a"
core.options.arm = 1

[[campaign.conditions]]
name = "b"
core.options.arm = 2

[core]
command = ["python", "core.py", "{run_dir}", "{checkpoint}"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAMPAIGN_DIR", raising=False)
    (tmp_path / "core.py").write_text(CORE)
    (tmp_path / "small.toml").write_text(SPEC)
    ends(tmp_path)
    return tmp_path


def ends(folder: Path, **steps: int) -> None:
    """The step at which the core ends, by run; 20 for the others."""
    (folder / "ends.json").write_text(json.dumps(steps))


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def submit(*flags: str) -> Result:
    return command("submit", "small.toml", "--backend", "local", *flags)


def execute(folder: Path, **wishes: bool) -> None:
    """A submit without a report."""
    campaign.load(folder / "small.toml").submit(backend="local", **wishes)


def test_run_that_ends_early_is_short_in_every_output_and_only_a_retry_resumes_it(folder: Path) -> None:
    ends(folder, b_s2=8)
    words = "its record ends after 8 of 20 steps"
    result = submit()
    assert isinstance(result.exception, RunsFailed)
    assert "1 run short" in str(result.exception)
    assert "core.early_stopping = true" in str(result.exception)
    assert f"short: b_s2: {words}" in result.stdout

    run = CampaignPaths(folder / "campaigns" / "small").run("b_s2")
    assert isinstance(submit().exception, RunsFailed), "it is not tried again by itself"
    assert len(run.attempts()) == 1

    status = command("status", "small").stdout
    assert "3/4 done, 1 short" in status
    assert words in status
    states = {
        each["id"]: each["state"] for each in json.loads(command("status", "small", "--json").stdout)["runs"]
    }
    assert states == {"a_s1": "done", "a_s2": "done", "b_s1": "done", "b_s2": "short"}
    assert f"short: {words}" in " ".join(command("plan", "small.toml").stdout.split())

    compared = json.loads(command("compare", "small", "--json").stdout)["verdicts"][0]
    assert compared["comparison"]["n"] == 1
    assert (
        "objects are not read: eval; log their values flat, such as `eval.accuracy`"
        in command("compare", "small").stderr
    )
    assert compared["comparison"]["dropped"] == {"2": f"b: is short: {words}"}
    assert any("ended early" in note for note in compared["notes"])
    report = command("report", "small", "--format", "md").stdout
    assert "Not every run completed: 1 short" in report
    assert words in report
    written = {each["id"]: each for each in json.loads(command("report", "small", "--json").stdout)["runs"]}
    assert (written["b_s2"]["state"], written["b_s2"]["error"], written["b_s2"]["value"]) == (
        "short",
        words,
        None,
    )

    ends(folder)
    assert submit("--retry-failed").exit_code == 0
    assert [row["step"] for row in read_jsonl(run.metrics)] == list(range(20))
    assert json.loads(run.attempt(2).started.read_text())["first_step"] == 8
    assert {each.state for each in campaign.open("small").runs} == {"done"}


def test_hole_in_the_record_is_found_and_a_retry_begins_before_it(folder: Path) -> None:
    """The core declares nothing about its rows, so only the lost end of an attempt is a hole, and not a row that it
    leaves out."""
    ends(folder, a_s1=12, **{"a_s2 leaves out": 5})
    with pytest.raises(RunsFailed, match="1 run short"):
        execute(folder)
    run = CampaignPaths(folder / "campaigns" / "small").run("a_s1")
    log = run.attempt(1).metrics
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:9]))  # a power cut
    ends(folder)
    execute(folder, retry_failed=True)
    assert json.loads(run.attempt(2).started.read_text())["first_step"] == 0
    said = "steps 9-11 are missing from its record, so checkpoint step_000012 is not used"
    assert f"[campaign] {said}: the run resumes at step 0" in run.attempt(2).log.read_text()
    assert said in json.loads(run.attempt(2).started.read_text())["note"]
    assert [row["step"] for row in read_jsonl(run.metrics)] == list(range(20))


def test_run_of_a_command_without_max_steps_ends_where_the_command_ends(folder: Path) -> None:
    ends(folder, a_s1=8)
    (folder / "small.toml").write_text(SPEC.replace("max_steps = 20\n", ""))
    execute(folder)
    (verdict,) = json.loads(command("compare", "small", "--json").stdout)["verdicts"]
    assert verdict["comparison"]["n"] == 2
    shown = json.loads(command("status", "small", "--json").stdout)["runs"][0]
    assert (shown["id"], shown["steps"], shown["max_steps"]) == ("a_s1", 8, 8)
    reported = json.loads(command("report", "small", "--json").stdout)["runs"][0]
    assert (reported["steps"], reported["planned_steps"]) == (8, None)
    said = "compared each at its own end: after 8 to 20 steps; before step 20 ended: a 1 of 2, b 0 of 2"
    assert any(said in note for note in verdict["notes"])
    loaded = campaign.load(folder / "small.toml").spec
    assert loaded.conditions[0].config.core.early_stopping
    assert any("complete wherever its command exits with 0" in note for note in loaded.notes)
    one = SPEC.replace("max_steps = 20\n", "").replace(
        "core.options.arm = 1", "core.options.arm = 1\nmax_steps = 9"
    )
    (folder / "small.toml").write_text(one)
    loaded = campaign.load(folder / "small.toml").spec
    assert not any(condition.config.core.early_stopping for condition in loaded.conditions), "no confound"
    (folder / "small.toml").write_text(SPEC)
    assert not campaign.load(folder / "small.toml").spec.conditions[0].config.core.early_stopping


def test_core_with_a_seed_and_a_condition_of_its_own_cannot_replace_those_of_the_campaign(
    folder: Path,
) -> None:
    execute(folder)
    run = CampaignPaths(folder / "campaigns" / "small").run("b_s2")
    row = next(read_jsonl(run.metrics))
    assert (row["condition"], row["seed"]) == ("b", 2)
    assert (row["core_condition"], row["core_seed"]) == ("mine", 99)
    frame = campaign.open("small").metrics()
    assert set(frame["seed"]) == {1, 2}
    shutil.rmtree(run.root)
    execute(folder)
    (verdict,) = campaign.open("small").verdicts()
    assert "these runs were done, deleted, and executed again with the same settings: b_s2" in verdict.notes
    assert set(frame["core_seed"]) == {99}
    # A record that an earlier version merged has the core's values.
    run.metrics.write_text("".join(json.dumps({**row, "step": s, "seed": s}) + "\n" for s in range(20)))
    assert len(campaign.open("small").runs) == 4


def test_run_by_hand_that_ends_early_fails_with_the_reason(folder: Path) -> None:
    ends(folder, a_s1=8)
    command_line = 'command = ["python", "core.py", "{run_dir}", "{checkpoint}"]'
    config = f'condition = "a"\n[training]\nseed = 1\nmax_steps = 20\n[core]\n{command_line}\n'
    (folder / "one.toml").write_text(config)
    with pytest.raises(RunsFailed, match="a_s1 is short: its record ends after 8 of 20 steps"):
        CliRunner().invoke(app, ["run", "one.toml"], catch_exceptions=False)
    ends(folder)
    assert command("run", "one.toml").exit_code == 0


def test_table_of_a_submit_status_and_compare_show_the_same_numbers(folder: Path) -> None:
    """Curves, repeated steps, a summary row at the last step, and rows of no step."""
    (folder / "core.py").write_text(
        "import json, os, sys\n"
        "level = 0.1 * int(os.environ['CAMPAIGN_SEED']) * (os.environ['CAMPAIGN_CONDITION'] == 'b')\n"
        "rows = [{'step': -1, 'correct_rate': 9.0}]\n"
        "rows += [{'step': s, 'correct_rate': 8.0} for s in range(1, 201)]\n"
        "rows += [{'step': s, 'correct_rate': (s / 200) ** 3 + level} for s in range(1, 201)]\n"
        "rows += [{'step': 200, 'train_runtime': 12.0}]\n"
        "open(sys.argv[1] + '/metrics.jsonl', 'w').write(''.join(json.dumps(row) + '\\n' for row in rows))\n"
    )
    (folder / "small.toml").write_text(SPEC.replace("max_steps = 20", "max_steps = 200"))
    ended = json.loads(submit("--json").stdout)
    shown = {each["label"]: each["mean"] for each in ended["conditions"]}
    status = json.loads(command("status", "small", "--json").stdout)
    assert {each["label"]: each["mean"] for each in status["conditions"]} == shown
    comparison = json.loads(command("compare", "small", "--json").stdout)["verdicts"][0]["comparison"]
    arms = {comparison[arm]["condition"]: comparison[arm]["mean"] for arm in ("baseline", "candidate")}
    assert arms == pytest.approx(shown, rel=1e-12)
    frame = campaign.open("small").metrics()
    assert (frame["step"].min(), frame["step"].max(), frame["correct_rate"].max() < 2) == (1, 200, True)
    last = frame.filter(frame["step"] == 200)
    assert (last["correct_rate"].null_count(), set(last["train_runtime"])) == (0, {12.0})
