"""Submitting from the command line and from Python, on the local backend: no Ray is started or imported."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

import campaign
from campaign.errors import CampaignError, Confounded, RunsFailed, UsageError
from campaign.execution.lock import CampaignLock, holder
from campaign.execution.store_reader import StoreReader
from campaign.execution.view import CampaignView
from campaign.folder.json_lines import read_jsonl
from campaign.folder.paths import CampaignPaths
from campaign.folder.plan_document import read_plan
from campaign.spec.load import load
from campaign.submission import SubmitOptions, open_submission, plan_submission, submit
from tests.execution.small_campaign import CORE, processes_with, until

HERE = Path(__file__).parents[1]
RUNS = ("base_s1", "base_s2", "kl_s1", "kl_s2")
SPEC = """
[campaign]
name = "small"
seeds = [1, 2]

[[campaign.conditions]]
name = "base"

[[campaign.conditions]]
name = "kl"
kl_coef = 0.1

[core]
command = ["python", "core.py", "{run_dir}", "{seed}", "{checkpoint}", "10", "0.01"]

[retry]
max_failures = 0
"""
AUDITED = """
import json, sys
reads = []
sys.addaudithook(lambda event, args: event == "open" and str(args[0]).endswith("small.toml") and reads.append(args[0]))
from campaign.cli.app import main
sys.argv = ["campaign", *sys.argv[1:]]
try:
    main()
finally:
    heavy = sorted({"ray", "torch", "wandb"} & set(sys.modules))
    sys.stderr.write("\\n" + json.dumps({"reads": len(reads), "heavy": heavy}))
"""
"""The `campaign` command, which also reports how often it opened the spec and what it imported."""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAMPAIGN_DIR", raising=False)
    (tmp_path / "core.py").write_text(CORE)
    (tmp_path / "small.toml").write_text(SPEC)
    return tmp_path / "small.toml"


@pytest.fixture
def paths(tmp_path: Path) -> CampaignPaths:
    return CampaignPaths(tmp_path / "campaigns" / "small")


def command(
    folder: Path, *arguments: str, code: str = AUDITED, options: Sequence[str] = ()
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *options, "-c", code, *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(HERE)}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def states(paths: CampaignPaths) -> dict[str, str]:
    with StoreReader.open(paths) as store:
        return {row.id: row.state for row in store.runs()}


def backends(paths: CampaignPaths) -> list[str]:
    """The backend of every controller that has executed the campaign."""
    with contextlib.closing(sqlite3.connect(paths.database)) as database:
        return [name for (name,) in database.execute("SELECT backend FROM epochs ORDER BY epoch")]


def with_confound(spec: Path) -> None:
    spec.write_text(SPEC.replace("seeds = [1, 2]", 'seeds = [1, 2]\nunder_test = ["training.lr"]'))


def hold(paths: CampaignPaths) -> None:
    """Let every run wait at step 8."""
    for run in RUNS:
        paths.run(run).root.mkdir(parents=True)
        (paths.run(run).root / "HOLD").touch()


def at_step_8(paths: CampaignPaths, run: str) -> bool:
    return len(list(read_jsonl(paths.run(run).attempt(1).metrics))) == 8


def test_submit_on_the_local_backend_runs_everything_without_ray_and_reads_the_spec_once(
    spec: Path, paths: CampaignPaths
) -> None:
    process = command(spec.parent, "submit", "small.toml", "--backend", "local")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "starting the local backend" in err
    assert json.loads(err.splitlines()[-1]) == {"reads": 1, "heavy": []}
    assert set(states(paths).values()) == {"done"}
    assert "campaign compare small" in out
    assert paths.report.page.is_file()
    assert not processes_with(str(spec.parent))


def test_local_backend_ignores_modules_of_the_current_folder_that_have_a_name_of_its_own(
    spec: Path, paths: CampaignPaths
) -> None:
    # `-P`, as the console script: only `python -m` and `python -c` search the current folder first.
    spec.write_text(SPEC + "max_losses = 0\n")
    (spec.parent / "campaign.py").write_text("raise SystemExit('this is not campaign')\n")
    process = command(spec.parent, "submit", "small.toml", "--backend", "local", options=["-P"])
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert set(states(paths).values()) == {"done"}


@pytest.mark.parametrize("arguments", [["plan"], ["check"], ["submit", "--dry-run", "--json"]])
def test_commands_without_side_effects_read_the_spec_once(
    spec: Path, paths: CampaignPaths, arguments: list[str]
) -> None:
    process = command(spec.parent, *arguments, "small.toml")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(err.splitlines()[-1]) == {"reads": 1, "heavy": []}
    assert not paths.root.exists()


def test_spec_names_the_backend_and_a_flag_or_an_address_overrides_it(
    spec: Path, paths: CampaignPaths
) -> None:
    assert plan_submission(load(spec), paths, SubmitOptions()).backend == "ray"
    spec.write_text(SPEC + '[execution]\nbackend = "local"\n')
    loaded = load(spec)
    assert plan_submission(loaded, paths, SubmitOptions()).backend == "local"
    assert plan_submission(loaded, paths, SubmitOptions(backend="ray")).backend == "ray"
    assert plan_submission(loaded, paths, SubmitOptions(address="10.0.0.1:6379")).backend == "ray"
    assert campaign.load(spec).submit().name == "small"
    assert backends(paths) == ["local"]


@pytest.mark.parametrize("reason", ["", "  "])
def test_allowing_confounds_without_a_reason_is_refused(
    reason: str, spec: Path, paths: CampaignPaths
) -> None:
    with_confound(spec)
    with pytest.raises(UsageError, match="--allow-confounds needs a reason"):
        campaign.load(spec).submit(backend="local", allow_confounds=reason)
    assert not paths.database.exists()


def test_a_section_without_effect_is_said_where_results_are_compared_and_reported(
    spec: Path, paths: CampaignPaths
) -> None:
    spec.write_text(SPEC + "[sepa]\nsteps = 5\n")
    done = campaign.load(spec).submit(backend="local")
    compared = command(spec.parent, "compare", "small")
    out, err = compared.communicate(timeout=60)
    caveat = read_plan(paths.plan).caveats[0]
    assert "[sepa]" in caveat
    assert f"note: {caveat}" in " ".join(err.split()), out
    as_json = command(spec.parent, "compare", "small", "--json")
    assert caveat in json.loads(as_json.communicate(timeout=60)[0])["notes"]
    done.report()
    assert caveat in json.loads(paths.report.document.read_text())["notes"]


def test_unknown_backend_is_refused_before_anything_is_written(spec: Path, paths: CampaignPaths) -> None:
    with pytest.raises(UsageError, match="no backend 'slurm'"):
        campaign.load(spec).submit(backend="slurm")
    assert not paths.database.exists()


def test_submit_in_a_notebook_prints_nothing_and_returns_the_campaign(
    spec: Path, paths: CampaignPaths, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[CampaignView] = []
    done = campaign.load(spec).submit(backend="local", on_progress=seen.append)
    assert capfd.readouterr() == ("", "")
    assert {run.state for run in done.runs} == {"done"}
    assert done.metrics().height == 40
    assert seen[0].name == "small"
    assert holder(paths) is None
    attempts = sorted(paths.runs.glob("*/attempts/*"))
    assert campaign.load(spec).submit(backend="local").folder == paths.root.relative_to(Path.cwd())
    assert sorted(paths.runs.glob("*/attempts/*")) == attempts, "the second submit has nothing to run"


def test_submit_that_starts_no_run_keeps_the_provenance_and_replaces_a_damaged_plan(
    spec: Path, paths: CampaignPaths
) -> None:
    options = SubmitOptions(backend="local")
    submit(load(spec), paths, options)
    first = read_plan(paths.plan).provenance
    submit(load(spec), paths, options)
    assert read_plan(paths.plan).provenance == first
    paths.plan.write_text('{"provenance": ')
    submit(load(spec), paths, options)
    assert read_plan(paths.plan).provenance["spec"] == str(spec)


@pytest.mark.parametrize(
    ("name", "damage"),
    [(".", "file"), (".", "link"), ("LOCK", "folder"), ("LOCK", "link"), ("LOCK", "fifo"), ("runs", "file"),
     ("plan.json", "folder")],
)  # fmt: skip
def test_folder_that_cannot_hold_a_campaign_is_refused_in_a_sentence(
    name: str, damage: str, spec: Path, paths: CampaignPaths
) -> None:
    place = paths.root / name
    place.parent.mkdir(parents=True)
    {
        "file": place.touch,
        "folder": lambda: (place / "inside").mkdir(parents=True),
        "link": lambda: place.symlink_to("nowhere/at/all"),
        "fifo": lambda: os.mkfifo(place),
    }[damage]()
    with pytest.raises(CampaignError, match=r"cannot hold the campaign|not a regular file"):
        open_submission(load(spec), paths, SubmitOptions(backend="local"))
    assert holder(paths) is None


def test_output_of_a_detached_submit_that_cannot_be_written_refuses_it(
    spec: Path, paths: CampaignPaths
) -> None:
    paths.root.mkdir(parents=True)
    os.mkfifo(paths.controller_log)
    done = command(spec.parent, "submit", "small.toml", "--backend", "local", "--detach")
    assert "the output of a detached submit cannot be written" in done.communicate(timeout=60)[1]
    assert done.returncode == 2
    assert holder(paths) is None


def test_record_of_the_hypotheses_that_was_deleted_after_results_is_not_written_anew(
    spec: Path, paths: CampaignPaths
) -> None:
    submit(load(spec), paths, SubmitOptions(backend="local"))
    paths.frozen.unlink()
    spec.write_text(SPEC + "[[hypotheses]]\nname = 'afterwards'\nmetric = 'correct_rate'\n")
    submit(load(spec), paths, SubmitOptions(backend="local"))
    assert not paths.frozen.exists()
    (verdict,) = campaign.open(paths.root).verdicts()
    assert verdict.hypothesis == "afterwards: kl"
    assert not verdict.confirmatory


@pytest.mark.parametrize("content", ["null", "[]", "7", '{"version": 1}', '{"hypotheses": "x"}'])
def test_record_of_the_hypotheses_that_was_replaced_is_refused(
    content: str, spec: Path, paths: CampaignPaths
) -> None:
    open_submission(load(spec), paths, SubmitOptions(backend="local"))[1].release()
    paths.frozen.write_text(content)
    with pytest.raises(
        UsageError, match=r"frozen hypotheses in [^\n]* cannot be used: [^\n]*restore"
    ) as refused:
        open_submission(load(spec), paths, SubmitOptions(backend="local"))
    assert "\n" not in str(refused.value)


def test_submit_in_another_thread_works_although_only_the_main_thread_may_handle_signals(
    spec: Path, paths: CampaignPaths
) -> None:
    thread = threading.Thread(target=lambda: campaign.load(spec).submit(backend="local"))
    thread.start()
    thread.join(timeout=60)
    assert set(states(paths).values()) == {"done"}


def test_confound_refuses_a_submit_and_releases_the_lock_unless_a_reason_is_given(
    spec: Path, paths: CampaignPaths
) -> None:
    with_confound(spec)
    with pytest.raises(Confounded, match=r"algorithm\.kl_coef"):
        campaign.load(spec).submit(backend="local")
    assert not paths.runs.exists()
    assert holder(paths) is None
    campaign.load(spec).submit(backend="local", allow_confounds="kl is meant to differ")
    assert json.loads(paths.check.read_text())["allowed"] == "kl is meant to differ"


def test_failed_run_raises_with_the_command_that_retries(spec: Path, paths: CampaignPaths) -> None:
    run = paths.run("kl_s2").root
    run.mkdir(parents=True)
    (run / "FAIL_AT_3").touch()
    # The command repeats the backend: without it, retrying would start Ray.
    with pytest.raises(RunsFailed, match=r"1 run failed\n.*\.toml --backend local --retry-failed"):
        campaign.load(spec).submit(backend="local")
    assert states(paths)["kl_s2"] == "failed"
    (run / "FAIL_AT_3").unlink()
    with pytest.raises(RunsFailed):
        campaign.load(spec).submit(backend="local")
    campaign.load(spec).submit(backend="local", retry_failed=True)
    assert set(states(paths).values()) == {"done"}


def test_second_submit_of_a_campaign_that_is_being_executed_is_refused(
    spec: Path, paths: CampaignPaths
) -> None:
    lock = CampaignLock.acquire(paths)
    with pytest.raises(UsageError, match=f"already being run by process {os.getpid()}"):
        open_submission(load(spec), paths, SubmitOptions())
    lock.release()


def test_ctrl_c_saves_the_runs_of_the_local_backend_and_submit_resumes_them(
    spec: Path, paths: CampaignPaths
) -> None:
    hold(paths)
    spec.write_text(SPEC + "[ray]\nnum_cpus = 2\n")
    process = command(spec.parent, "submit", "small.toml", "--backend", "local")
    until(lambda: at_step_8(paths, "base_s1") and at_step_8(paths, "base_s2"), "two runs at step 8")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted, 4 runs left" in err
    assert "resume: campaign submit small.toml" in err
    for run in RUNS:
        (paths.run(run).root / "HOLD").unlink()
    campaign.load(spec).submit(backend="local")
    assert [row["step"] for row in read_jsonl(paths.run("base_s1").metrics)] == list(range(10))
    assert len(paths.run("base_s1").attempts()) == 2


def test_detached_submit_executes_on_the_backend_of_the_flag(spec: Path, paths: CampaignPaths) -> None:
    process = command(spec.parent, "submit", "small.toml", "--backend", "local", "--detach", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["kind"] == "detached"
    until(lambda: holder(paths) is None, "the end of the controller")
    assert set(states(paths).values()) == {"done"}, paths.controller_log.read_text()
    assert backends(paths) == ["local"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_message_does_not_change_the_exit_code(number: int, tmp_path: Path) -> None:
    code = (
        "import atexit, os, sys\nfrom campaign.cli.app import main\n"
        f"atexit.register(os.kill, os.getpid(), {int(number)})\n"
        "sys.argv = ['campaign', 'status', 'absent']\nmain()\n"
    )
    process = command(tmp_path, code=code)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == UsageError.exit_code
    assert "Traceback" not in err
