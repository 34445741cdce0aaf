"""The code that runs were executed by: recorded with each attempt, and stated when the runs of a comparison differ."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from campaign.analysis.loading import load_runs
from campaign.analysis.verdict import document, verdicts
from campaign.core.hub_revision import cached_commit
from campaign.errors import RunsFailed
from campaign.execution.provenance import git_state
from campaign.folder.atomic_files import read_json, write_json
from campaign.folder.json_lines import to_line
from campaign.folder.paths import CampaignPaths
from campaign.folder.plan_document import read_plan
from campaign.folder.run_code import RecordedCode, differences, provenance_id
from campaign.report.campaign_record import read_campaign
from campaign.report.contents import collect_contents
from campaign.report.document import to_document
from campaign.report.markdown import to_markdown
from campaign.spec.load import load
from campaign.submission import SubmitOptions, submit

CORE = """
import json, os
with open(os.environ["CAMPAIGN_RUN_DIR"] + "/metrics.jsonl", "a") as log:
    print(json.dumps({"step": 0, "correct_rate": 0.5}), file=log)
"""
SPEC = """
[campaign]
name = "study"
seeds = [1, 2]
max_steps = 1
[[campaign.conditions]]
name = "low"
[[campaign.conditions]]
name = "high"
"core.options.bonus" = 1
[core]
command = ["python", "train.py"]
[retry]
max_failures = 0
[execution]
backend = "local"
[ray]
num_cpus = 1
"""


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=n", "-c", "user.email=a@b")
    return subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(CORE)
    (tmp_path / "study.toml").write_text(SPEC)
    (tmp_path / ".gitignore").write_text("results\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def test_untracked_modules_are_part_of_the_recorded_code(study: Path) -> None:
    clean = git_state(study)
    (study / "notes.txt").write_text("todo")
    assert (git_state(study) or {})["untracked_sha256"] is (clean or {})["untracked_sha256"] is None
    found = []
    for bonus in (0, 1):
        (study / "reward.py").write_text(f"BONUS = {bonus}")
        found.append((git_state(study) or {})["untracked_sha256"])
    assert None not in found
    assert len(set(found)) == 2


def submitted(study: Path) -> CampaignPaths:
    paths = CampaignPaths(study / "results")
    submit(load(study / "study.toml"), paths, SubmitOptions(backend="local"))
    return paths


def test_runs_of_different_commits_are_stated_in_every_output(study: Path) -> None:
    paths = submitted(study)
    first = git(study, "rev-parse", "HEAD")
    runs = load_runs(paths.root)
    assert not any("same code" in note for verdict in verdicts(runs) for note in verdict.notes)
    (study / "study.toml").write_text(SPEC.replace("[1, 2]", "[1, 2, 3]"))
    git(study, "commit", "-qam", "two")
    second = git(study, "rev-parse", "HEAD")
    submitted(study)
    runs = load_runs(paths.root)
    (verdict,) = verdicts(runs)
    commits = f"{first[:10]} and {second[:10]}"
    words = f"the runs were not all executed by the same code: commit: low {commits}; high {commits}"
    assert words in verdict.notes
    assert words in document((verdict,), runs)["verdicts"][0]["notes"]
    contents = collect_contents(read_campaign(paths.root))
    assert words in to_markdown(contents).replace("\\", "")
    report = to_document(contents)
    assert words in report["verdicts"][0]["notes"]
    assert report["earlier"][0]["git"]["commit"] == first


def test_a_run_is_refused_when_its_source_was_changed_after_it_was_planned(study: Path) -> None:
    # The first run, which is alone, changes the script before the others start.
    changing = CORE + 'with open("train.py", "a") as script:\n    script.write("# changed\\n")\n'
    (study / "train.py").write_text(changing)
    with pytest.raises(RunsFailed, match="3 runs failed"):
        submitted(study)
    paths = CampaignPaths(study / "results")
    outcome = read_json(paths.run("high_s2").attempt(1).result)
    assert outcome is not None
    assert "has changed since the run was planned" in outcome["reason"]
    assert not paths.run("high_s2").attempt(1).log.exists()
    # One run waits inside the backend, so that it was launched before the change and would have started after it.
    assert read_json(paths.run("low_s2").attempt(1).result)["kind"] == "failed"


# -- recorded provenance -------------------------------------------------------------------------------------

OLD = {
    "time": "t1",
    "git": {"commit": "a" * 40, "diff_sha256": None},
    "python": "3.11.1",
    "packages": {"torch": "2.1"},
}
NEW = {
    "time": "t2",
    "git": {"commit": "b" * 40, "diff_sha256": "c" * 64, "untracked_sha256": "d" * 64},
    "python": "3.11.1",
    "packages": {"torch": "2.2"},
}


@pytest.fixture
def recorded(tmp_path: Path) -> CampaignPaths:
    paths = CampaignPaths(tmp_path / "study")
    paths.root.mkdir()
    write_json(paths.plan, {"name": "study", "provenance": NEW, "earlier": [OLD]})
    return paths


def attempt(paths: CampaignPaths, run: str, number: int, provenance: str | None, revision: str = "") -> None:
    folder = paths.run(run).attempt(number)
    folder.root.mkdir(parents=True)
    write_json(folder.started, {"first_step": 0} | ({"provenance": provenance} if provenance else {}))
    if revision:
        write_json(folder.model_source, {"revision": revision})
    paths.run(run).config.write_text("")
    paths.run(run).metrics.write_text(to_line({"step": 0, "correct_rate": 0.5}))


def test_the_code_of_a_run_is_that_of_the_submits_that_executed_its_attempts(recorded: CampaignPaths) -> None:
    attempt(recorded, "low_s1", 1, provenance_id(OLD))
    attempt(recorded, "low_s1", 2, provenance_id(NEW))
    attempt(recorded, "high_s1", 1, provenance_id(NEW))
    code = RecordedCode(read_plan(recorded.plan))
    sides = {name: [code.of(recorded.run(f"{name}_s1"))] for name in ("low", "high")}
    new = "bbbbbbbbbb with uncommitted changes cccccccccc with untracked modules dddddddddd"
    assert differences(sides) == [
        f"commit: low aaaaaaaaaa and {new}; high {new}",
        "torch: low 2.1 and 2.2; high 2.2",
    ]


def test_the_code_of_an_attempt_that_recorded_no_submit_is_unknown_when_there_were_several(
    recorded: CampaignPaths,
) -> None:
    attempt(recorded, "low_s1", 1, None)
    attempt(recorded, "high_s1", 1, provenance_id(NEW))
    code = RecordedCode(read_plan(recorded.plan))
    sides = {name: [code.of(recorded.run(f"{name}_s1"))] for name in ("low", "high")}
    assert "torch: low unknown; high 2.2" in differences(sides)
    write_json(recorded.plan, {"name": "study", "provenance": NEW})
    code = RecordedCode(read_plan(recorded.plan))
    assert differences({name: [code.of(recorded.run(f"{name}_s1"))] for name in ("low", "high")}) == []


def test_a_package_that_only_one_side_has_is_a_difference() -> None:
    assert differences({"low": [[(("apex", "1"),)]], "high": [[(("python", "3"), ("apex", "1"))]]}) == [
        "python: low none; high 3"
    ]


def test_runs_of_different_model_revisions_are_stated(recorded: CampaignPaths) -> None:
    attempt(recorded, "low_s1", 1, provenance_id(NEW), "1" * 40)
    attempt(recorded, "high_s1", 1, provenance_id(NEW), "2" * 40)
    (verdict,) = verdicts(load_runs(recorded.root))
    assert f"model revision: high {'2' * 40}; low {'1' * 40}" in " ".join(verdict.notes)


def test_a_model_revision_that_is_no_commit_is_ignored(recorded: CampaignPaths) -> None:
    attempt(recorded, "low_s1", 1, provenance_id(NEW), "1" * 40)
    attempt(recorded, "high_s1", 1, provenance_id(NEW), "\x1b[31m" * 1000)
    code = RecordedCode(read_plan(recorded.plan))
    assert differences({name: [code.of(recorded.run(f"{name}_s1"))] for name in ("low", "high")}) == []


# -- hub models ----------------------------------------------------------------------------------------------

COMMIT, OTHER = "0123456789abcdef0123456789abcdef01234567", "f" * 40


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache as huggingface_hub lays it out."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    repository = tmp_path / "home/hub/models--org--tiny"
    for reference, commit in (("main", COMMIT), ("refs/pr/1", OTHER)):
        (repository / "snapshots" / commit).mkdir(parents=True)
        (repository / "refs" / reference).parent.mkdir(parents=True, exist_ok=True)
        (repository / "refs" / reference).write_text(commit)
    return repository


@pytest.mark.parametrize(
    ("revision", "commit"),
    [
        (None, COMMIT),
        ("main", COMMIT),
        ("refs/pr/1", OTHER),
        (OTHER, OTHER),
        ("e" * 40, None),
        ("none", None),
    ],
)
def test_the_local_cache_says_which_commit_a_revision_is(
    hub: Path, revision: str | None, commit: str | None
) -> None:
    assert cached_commit("org/tiny", revision) == commit
    assert cached_commit("org/unknown", revision) is None


@pytest.mark.timeout(20)
def test_a_reference_that_is_no_file_or_no_commit_is_no_answer(hub: Path) -> None:
    (hub / "refs/odd").write_text("../../..")
    os.mkfifo(hub / "refs/pipe")
    assert cached_commit("org/tiny", "odd") is None
    assert cached_commit("org/tiny", "pipe") is None


def test_huggingface_hub_agrees_about_the_commit(hub: Path) -> None:
    """A process of its own, because huggingface_hub reads its variables when it is imported."""
    code = (
        "from huggingface_hub import snapshot_download; "
        "print(snapshot_download('org/tiny', allow_patterns=['*.json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert Path(done.stdout.strip()).name == cached_commit("org/tiny", None)


def test_a_core_records_the_commit_of_its_hub_model(hub: Path, tmp_path: Path) -> None:
    (tmp_path / "plug.py").write_text(
        "def train(context):\n    context.log({'step': 0, 'correct_rate': 1.0})\n"
    )
    (tmp_path / "config.toml").write_text('[core]\nentrypoint = "plug:train"\n[model]\nmodel = "org/tiny"\n')
    out = tmp_path / "runs/a_s1/attempts/0001"
    out.mkdir(parents=True)
    command = [sys.executable, "-m", "campaign.core", str(tmp_path / "config.toml"), "--out", str(out)]
    search = os.pathsep.join([str(tmp_path), *sys.path])
    subprocess.run(command, check=True, timeout=60, env={**os.environ, "PYTHONPATH": search})
    source = json.loads((out / "model_source.json").read_text())
    assert source == {"model": "org/tiny", "requested": None, "revision": COMMIT}
