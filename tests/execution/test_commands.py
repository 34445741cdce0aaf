"""The commands around a campaign, without Ray."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from campaign.errors import UsageError
from campaign.execution.controller import Controller
from campaign.execution.local_backend import LocalBackend
from campaign.execution.locate import locate, match_run
from campaign.execution.store import Store
from campaign.folder.json_lines import read_jsonl
from campaign.folder.paths import CampaignPaths, RunPaths
from campaign.spec.load import load
from campaign.submission import SubmitOptions, open_submission
from tests.execution.small_campaign import SmallCampaign, processes_with, until

ROOT = str(Path(__file__).parents[2])


def command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": ROOT, "CAMPAIGN_DIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-m", "campaign", *arguments],
        cwd=folder,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )


def python(code: str) -> None:
    """Run `code` in a Python of its own; fails when it does."""
    env = {**os.environ, "PYTHONPATH": ROOT}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def call(folder: Path, *arguments: str) -> tuple[int, str, str]:
    process = command(folder, *arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture
def half_done(campaign: SmallCampaign) -> SmallCampaign:
    """A campaign of two runs, one of them done, that nobody runs."""
    campaign.enrol(campaign.spec(seeds=(1, 2), max_failures=0))
    (campaign.paths.run("base_s2").root / "FAIL_AT_3").touch()
    store, backend = Store.open(campaign.paths), LocalBackend(cpus=2)
    campaign.paths.lock.touch()
    Controller(campaign.paths, store, backend, campaign.core.parent).run()
    with store.transaction():
        store.renew([run for run in _enrolments(store) if run.id == "base_s2"])
    store.close()
    return campaign


def _enrolments(store: Store) -> list[Any]:
    from campaign.execution.store import Enrolment

    return [Enrolment(r.id, r.condition, r.seed, r.identity, r.config, r.max_steps) for r in store.runs()]


def test_status_without_a_name_lists_all_campaigns(half_done: SmallCampaign) -> None:
    folder = half_done.paths.root.parent
    code, out, _ = call(folder, "status")
    assert code == 0
    assert "small  2 runs: 1 done, 1 pending" in out
    code, out, _ = call(folder, "status", "--json")
    assert json.loads(out)["campaigns"][0]["states"] == {"done": 1, "pending": 1}


def test_status_reports_that_no_controller_is_alive(half_done: SmallCampaign) -> None:
    code, out, err = call(half_done.paths.root.parent, "status", "small", "--watch")
    assert (code, err) == (0, "")
    assert "not running; submit it again to resume" in out


def test_a_damaged_campaign_does_not_hide_the_others(half_done: SmallCampaign) -> None:
    folder = half_done.paths.root.parent
    (folder / "broken").mkdir()
    (folder / "broken" / "campaign.db").write_bytes(b"x" * 4096)
    code, out, _ = call(folder, "status")
    assert code == 0
    assert "the file is damaged" in out
    assert "1 done" in out
    code, _, err = call(folder, "status", "broken")
    assert code == 2
    assert "Traceback" not in err


def test_logs_shows_what_a_run_wrote(half_done: SmallCampaign) -> None:
    code, out, err = call(half_done.paths.root.parent, "logs", "small", "base_s2")
    assert code == 0
    assert "RuntimeError: told to fail at step 3" in out
    assert err == "--- base_s2, attempt 1\n"


def test_logs_of_an_unknown_attempt_lists_the_existing_ones(half_done: SmallCampaign) -> None:
    code, _, err = call(half_done.paths.root.parent, "logs", "small", "base_s2", "--attempt", "7")
    assert code == 2
    assert "base_s2 has no attempt 7; there are: 1" in err


def test_cancel_without_a_controller_is_written_immediately(half_done: SmallCampaign) -> None:
    code, out, _ = call(half_done.paths.root.parent, "cancel", "small")
    assert code == 0
    assert "cancelled: base_s2" in out
    assert half_done.states() == {"base_s1": "done", "base_s2": "cancelled"}
    _, out, _ = call(half_done.paths.root.parent, "cancel", "small")
    assert "nothing to cancel" in out


def test_a_campaign_is_found_by_name_folder_and_spec(
    half_done: SmallCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = half_done.paths.root.parent
    monkeypatch.setenv("CAMPAIGN_DIR", str(folder))
    spec = folder / "small.toml"
    spec.write_text('[[campaign.conditions]]\nname = "a"\n')
    for text in ("small", str(half_done.paths.root), str(spec)):
        assert locate(text).root.resolve() == half_done.paths.root.resolve()
    with pytest.raises(UsageError, match="did you mean `small`"):
        locate("smal")


def test_run_is_found_by_an_unambiguous_prefix() -> None:
    ids = ["base_s1", "base_s2", "kl_s1"]
    assert match_run("kl", ids) == "kl_s1"
    with pytest.raises(UsageError, match="is ambiguous: 2 runs start with it"):
        match_run("base", ids)
    with pytest.raises(UsageError, match="did you mean `base_s1`"):
        match_run("bace_s1", ids)


def test_run_executes_one_configuration_and_resumes_where_it_stopped(campaign: SmallCampaign) -> None:
    campaign.enrol(campaign.spec(seeds=(1,), steps=30, pause=0.05))
    config = campaign.paths.run("base_s1").config
    folder = campaign.paths.root.parent
    out = RunPaths(folder / "by_hand")
    process = command(folder, "run", str(config), "--out", "by_hand")
    until(lambda: len(list(read_jsonl(out.metrics))) > 6, "some steps")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "resume: campaign run" in err
    assert "Traceback" not in err
    code, said, err = call(folder, "run", str(config), "--out", "by_hand")
    assert code == 0, err
    assert "base_s1: 30 steps, correct rate" in said
    assert [row["step"] for row in read_jsonl(out.metrics)] == list(range(30))
    assert len(out.attempts()) == 2
    assert not processes_with(str(out.root))


def test_run_refuses_folders_that_are_not_its_own(campaign: SmallCampaign) -> None:
    campaign.enrol(campaign.spec(seeds=(1, 2)))
    folder = campaign.paths.root.parent
    config = campaign.paths.run("base_s1").config
    code, _, err = call(folder, "run", str(config), "--out", str(config.parent))
    assert code == 2
    assert "belongs to a campaign" in err
    assert call(folder, "run", str(config), "--out", "mine")[0] == 0
    other = campaign.paths.run("base_s2").config
    code, _, err = call(folder, "run", str(other), "--out", "mine")
    assert code == 2
    assert "a run with other settings" in err


def test_run_reports_a_failure_in_one_line(campaign: SmallCampaign) -> None:
    campaign.enrol(campaign.spec(seeds=(1,)))
    folder = campaign.paths.root.parent
    (folder / "mine").mkdir()
    (folder / "mine" / "config.toml").write_bytes(campaign.paths.run("base_s1").config.read_bytes())
    (folder / "mine" / "FAIL_AT_4").touch()
    code, _, err = call(folder, "run", str(folder / "mine" / "config.toml"), "--out", "mine")
    assert code == 1
    assert "base_s1 failed: RuntimeError: told to fail at step 4" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("name", ["submit", "status", "logs", "cancel", "run"])
def test_help_answers_without_heavy_imports(name: str) -> None:
    code = (
        "import sys\nfrom campaign.cli.app import main\n"
        f"sys.argv = ['campaign', {name!r}, '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'ray', 'torch', 'wandb', 'altair', 'scipy', 'polars'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True
    )


def test_status_imports_nothing_heavy(half_done: SmallCampaign) -> None:
    code = (
        "import sys\nfrom campaign.cli.app import main\n"
        f"sys.argv = ['campaign', 'status', {str(half_done.paths.root)!r}]\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "heavy = {'ray', 'torch', 'wandb', 'altair', 'scipy', 'polars', 'numpy', 'campaign.submission'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True
    )


def test_a_campaign_elsewhere_needs_its_folder_only(half_done: SmallCampaign, tmp_path: Path) -> None:
    code, out, _ = call(tmp_path, "status", str(half_done.paths.root), "--json")
    assert code == 0
    assert len(json.loads(out)["runs"]) == 2


def test_plan_after_cancel_shows_the_runs_that_submit_then_resumes(
    campaign: SmallCampaign, tmp_path: Path
) -> None:
    """Four runs are cancelled before they start. `plan` and `submit --dry-run` give the answer that `submit` acts on."""
    core = tmp_path / "core.py"
    core.write_text(
        'import sys; open(sys.argv[1] + "/metrics.jsonl", "a").write("{\\"step\\": 0, \\"score\\": 1}\\n")\n'
    )
    spec = tmp_path / "tiny.toml"
    spec.write_text(
        '[campaign]\nseeds = [1, 2]\nmax_steps = 1\nconditions = [{name = "a"}, {name = "b", training.lr = 1e-3}]\n'
        '[core]\ncommand = ["python", "core.py", "{run_dir}"]\n'
    )
    loaded = load(spec)
    paths = CampaignPaths(tmp_path / "tiny")
    _, lock = open_submission(loaded, paths, SubmitOptions())
    lock.release()
    code, out, _ = call(tmp_path, "cancel", "tiny")
    assert code == 0
    assert "no process executes them" in out
    assert "submit it again to resume" in call(tmp_path, "status", "tiny")[1]

    _, planned, _ = call(tmp_path, "plan", "tiny.toml")
    assert "resume 4: cancelled" in planned
    assert "nothing is left to run" not in planned
    assert "4 of 4 runs would be started" in call(tmp_path, "submit", "tiny.toml", "--dry-run")[1]
    code, _, err = call(tmp_path, "submit", "tiny.toml", "--backend", "local")
    assert code == 0, err
    assert "4 of 4 runs to do" in err


def test_tables_show_the_metric_that_the_campaign_is_about(campaign: SmallCampaign, tmp_path: Path) -> None:
    """The first hypothesis names it; `headline_metric` overrules it, and the runs that are done are shown in it too."""
    core = tmp_path / "core.py"
    core.write_text(
        "import json, sys\n"
        'with open(sys.argv[1] + "/metrics.jsonl", "a") as log:\n'
        "    for step in (1, 2):\n"
        '        log.write(json.dumps({"step": step, "score": step / 4, "loss": -step}) + "\\n")\n'
    )
    base = '[campaign]\nseeds = [1, 2]\nmax_steps = 2\nconditions = [{name = "a"}, {name = "b", training.lr = 1e-3}]\n'
    rest = (
        '[core]\ncommand = ["python", "core.py", "{run_dir}"]\n[[hypotheses]]\nname = "b"\nmetric = "score"\n'
    )
    spec = tmp_path / "tiny.toml"
    spec.write_text(base + rest)
    code, out, err = call(tmp_path, "submit", "tiny.toml", "--backend", "local")
    assert code == 0, err
    assert out.splitlines()[0].split() == ["condition", "runs", "score"]
    assert out.splitlines()[1].split() == ["a", "2/2", "0.375", "±", "0.000"]
    assert "a_s1: done at step 2/2, score .375" in err
    shown = json.loads(call(tmp_path, "status", "tiny", "--json")[1])
    assert (shown["metric"], shown["runs"][0]["value"], shown["runs"][0]["steps"]) == ("score", 0.375, 2)
    assert call(tmp_path, "status", "tiny")[1].splitlines()[2].split() == [
        "run",
        "state",
        "step",
        "score",
        "left",
    ]

    spec.write_text(base.replace("max_steps", 'headline_metric = "loss"\nmax_steps') + rest)
    code, out, err = call(tmp_path, "submit", "tiny.toml", "--backend", "local", "--json")
    assert code == 0, err
    shown = json.loads(out)
    assert (shown["metric"], shown["runs"][0]["value"]) == ("loss", -1.5)
    assert (shown["conditions"][0]["mean"], shown["conditions"][0]["measured"]) == (
        -1.5, "mean of the last 10 % of steps (at least 5) of loss",
    )  # fmt: skip
    report = json.loads(call(tmp_path, "report", "tiny", "--json")[1])
    assert report["metric"] == "loss"
    assert [run["steps"] for run in report["runs"]] == [2, 2, 2, 2]


def test_a_run_that_was_cancelled_while_nobody_executed_it_keeps_its_steps(campaign: SmallCampaign) -> None:
    campaign.enrol(campaign.spec(seeds=(1,)))
    run = campaign.paths.run("base_s1")
    (run.root / "HOLD").touch()
    store, backend = Store.open(campaign.paths), LocalBackend(cpus=1)
    campaign.paths.lock.touch()
    controller = Controller(campaign.paths, store, backend, campaign.core.parent)
    controller.on_turn = lambda: controller.stop("stopped") if _rows(run) == 8 else None
    controller.run()
    store.close()
    folder = campaign.paths.root.parent
    assert json.loads(call(folder, "status", "small", "--json")[1])["runs"][0]["steps"] == 9
    call(folder, "cancel", "small")
    shown = json.loads(call(folder, "status", "small", "--json")[1])["runs"][0]
    assert (shown["state"], shown["steps"]) == ("cancelled", 9)


def _rows(run: RunPaths) -> int:
    return len(list(read_jsonl(run.metrics)))


def test_logs_without_a_run_lists_the_runs_with_their_states_and_log_files(half_done: SmallCampaign) -> None:
    code, out, err = call(half_done.paths.root.parent, "logs", "small")
    assert code == 0
    log = half_done.paths.run("base_s1").attempt(1).log
    assert out.splitlines()[0].split()[:2] == ["base_s1", "done"]
    assert out.splitlines()[0].endswith(f"small/{log.relative_to(half_done.paths.root)}")
    assert out.splitlines()[1].split()[:2] == ["base_s2", "pending"]
    assert "campaign logs small RUN" in err
    code, _, err = call(half_done.paths.root.parent, "logs", "small", "--tail", "3")
    assert code == 2
    assert "need a run" in err


def test_logs_of_all_runs_and_of_the_last_lines(half_done: SmallCampaign) -> None:
    folder, run = half_done.paths.root.parent, half_done.paths.run("base_s1")
    code, out, err = call(folder, "logs", "small", "--all")
    assert code == 0
    assert [line for line in err.splitlines() if line.startswith("---")] == [
        "--- base_s1, attempt 1", "--- base_s2, attempt 1",
    ]  # fmt: skip
    assert "core starts at 0" in out
    assert "told to fail at step 3" in out
    run.attempt(1).log.write_text("".join(f"line {number}\n" for number in range(50_000)))
    run.attempt(2).root.mkdir()
    run.attempt(2).log.write_text("again 0\nagain 1")
    expected = {1: "again 1", 2: "again 0\nagain 1", 3: "line 49999\nagain 0\nagain 1", 0: ""}
    for lines, text in expected.items():
        assert call(folder, "logs", "small", "base_s1", "--tail", str(lines))[1] == text
    everything = call(folder, "logs", "small", "base_s1", "-n", "60000")[1]
    assert everything.count("line ") == 50_000
    last = call(folder, "logs", "small", "base_s1", "--attempt", "1", "-n", "2")[1]
    assert last == "line 49998\nline 49999\n"


def test_logs_of_a_run_that_printed_nothing_says_so(half_done: SmallCampaign) -> None:
    half_done.paths.run("base_s1").attempt(1).log.write_text("")
    code, out, err = call(half_done.paths.root.parent, "logs", "small", "base_s1")
    assert (code, out) == (0, "")
    assert err == "--- base_s1, attempt 1\ncampaign: base_s1 has printed nothing\n"
