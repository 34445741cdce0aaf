"""From a configuration to what a supervisor is told, and what stands beside the runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from campaign.execution.assignment import Assignment
from campaign.execution.checkpoints import Checkpoint, Resumption
from campaign.execution.launching import assignment, core_command, origin
from campaign.execution.provenance import git_state, provenance
from campaign.execution.squeeze_job import SqueezeJob, squeeze_table
from campaign.folder.atomic_files import write_json
from campaign.folder.paths import CampaignPaths, RunPaths
from campaign.spec.config import (
    CoreSection,
    LoggingSection,
    ModelSection,
    RunConfig,
    SqueezeSection,
    TrainingSection,
)
from tests.execution.small_campaign import SmallCampaign, until


def config(**sections: Any) -> RunConfig:
    values = {"campaign": "small", "condition": "base", "training": TrainingSection(seed=7), **sections}
    return RunConfig(**values)


def told(run: RunPaths, settings: RunConfig, **wishes: Any) -> Assignment:
    return assignment(settings, run, 2, 1, workdir=Path("/"), **wishes)


def test_the_built_in_core_is_a_module_of_this_python(run: RunPaths) -> None:
    command = told(run, config(), start=Resumption(Checkpoint(5, Path("/c/step_000005")))).command
    assert command[:3] == (sys.executable, "-m", "campaign.core")
    assert command[3:] == (
        str(run.config), "--out", str(run.attempt(2).root), "--resume", "/c/step_000005",
    )  # fmt: skip


def test_a_command_gets_its_placeholders_and_nothing_else_is_touched() -> None:
    core = CoreSection(command=("p", "{config}", "--o={run_dir}", "{seed}", "{checkpoint}", "{other}", "{}"))
    command = core_command(config(core=core), Path("/c.toml"), Path("/a"), "")
    assert command == ("p", "/c.toml", "--o=/a", "7", "", "{other}", "{}")


def test_all_paths_in_an_assignment_are_absolute(run: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.root.parent.parent)
    made = told(RunPaths(Path("runs/base_s1")), config(), stop_file=Path("STOP"))
    assert Path(made.run_folder).is_absolute()
    assert Path(made.stop_file).is_absolute()
    assert made.command[3] == str(run.config)


def test_a_run_without_a_project_is_not_mirrored(run: RunPaths) -> None:
    assert told(run, config()).sinks == {}
    disabled = LoggingSection(wandb_project="p", wandb_mode="disabled")
    assert told(run, config(logging=disabled)).sinks == {}


def test_the_settings_of_wandb_have_a_stable_id_and_the_groups_of_this_field(
    run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    settings = config(logging=LoggingSection(wandb_project="p", wandb_tags=("mine",)))
    wandb = told(run, settings, start=Resumption(Checkpoint(5, Path("/c")))).sinks["wandb"]
    expected = {
        "project": "p", "mode": "auto", "group": "base", "name": "base_s7",
        "tags": ["small", "seed:7", "mine"], "resume_from_step": 5, "dir": str(run.attempt(2).root),
    }  # fmt: skip
    assert {name: wandb[name] for name in expected} == expected
    assert wandb["id"].startswith("small-base_s7-v")
    later = told(run, settings, start=Resumption(Checkpoint(9, Path("/d")))).sinks["wandb"]
    assert later["id"] == wandb["id"]
    changed = config(logging=settings.logging, training=TrainingSection(seed=7, lr=0.5))
    assert told(run, changed).sinks["wandb"]["id"] != wandb["id"]
    assert wandb["config"]["training"]["seed"] == 7


def test_a_runs_config_leads_back_to_where_its_campaign_was_submitted(tmp_path: Path, run: RunPaths) -> None:
    assert origin(run.config) is None
    write_json(run.root.parent.parent / "plan.json", {"provenance": {"workdir": str(tmp_path)}})
    assert origin(run.config) == tmp_path


def test_provenance_names_the_code_and_the_machine(tmp_path: Path) -> None:
    found = provenance(tmp_path)
    assert found["git"] is None
    assert found["packages"]["pydantic"]
    assert found["machine"]["cores"] >= 1
    assert found["python"] == sys.version.split()[0]


def test_provenance_tells_a_changed_tree_from_a_clean_one(tmp_path: Path) -> None:
    import subprocess

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "a")
    clean = git_state(tmp_path)
    (tmp_path / "a").write_text("2")
    changed = git_state(tmp_path)
    (tmp_path / "a").write_text("3")
    assert clean is not None
    assert changed is not None
    assert (clean["dirty"], clean["diff_sha256"]) == (False, None)
    assert changed["dirty"]
    assert (git_state(tmp_path) or {})["diff_sha256"] != changed["diff_sha256"]


def test_failing_squeeze_is_reported_as_a_problem(campaign: SmallCampaign) -> None:
    settings = config(model=ModelSection(lora_rank=4), squeeze=SqueezeSection())
    attempt = campaign.paths.run("base_s7").attempt(1)
    attempt.adapter.mkdir(parents=True)
    (attempt.adapter / "adapter_config.json").write_text("{")
    job = SqueezeJob(campaign.paths)
    job.consider(attempt, settings)
    assert job.running
    until(lambda: (job.poll(), not job.running)[1], "the end of the squeeze")
    assert "squeeze.log" in job.problem
    assert squeeze_table(campaign.paths) is None
    job.consider(attempt, settings)
    assert not job.running, "once is enough"


@pytest.mark.parametrize(
    "settings",
    [
        config(model=ModelSection(lora_rank=4)),
        config(squeeze=SqueezeSection()),
    ],
)
def test_nothing_is_squeezed_without_an_adapter_or_a_wish(
    campaign: SmallCampaign, settings: RunConfig
) -> None:
    attempt = campaign.paths.run("base_s7").attempt(1)
    attempt.adapter.mkdir(parents=True)
    job = SqueezeJob(campaign.paths)
    job.consider(attempt, settings)
    assert not job.running


def test_a_torn_squeeze_table_is_none(tmp_path: Path) -> None:
    paths = CampaignPaths(tmp_path)
    for content in ("", "{", '{"ranks": 3}', '{"ranks": [{"rank": 1}]}'):
        paths.squeeze.write_text(content)
        assert squeeze_table(paths) is None
