"""`pip install campaign` without extras: what it brings, what works with it, and what names the extra it needs.

`nox -s light` runs this file in an environment that has nothing else. In every other environment, the packages of the
extras are made impossible to import, in each process of a command.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from campaign.extras import EXTRAS, is_installed

HERE = Path(__file__).parents[1]
BASE = {"typer", "rich", "pydantic", "tomli-w", "pyyaml", "numpy", "scipy", "polars"}
"""All that planning, checking, comparing and running commands need."""
HEAVY = {"ray", "wandb", "torch", "transformers", "vl-convert-python", "altair"}
IS_LIGHT = bool(os.environ.get("CAMPAIGN_LIGHT_INSTALL"))

CORE = """
import json, sys
with open(sys.argv[1] + "/metrics.jsonl", "a") as log:
    for step in range(4):
        log.write(json.dumps({"step": step, "correct_rate": step / 10 + int(sys.argv[2]) / 100}) + "\\n")
"""
SPEC = """
[campaign]
name = "small"
seeds = [1, 2]
max_steps = 4

[[campaign.conditions]]
name = "base"

[[campaign.conditions]]
name = "kl"
kl_coef = 0.1
"""
COMMAND = '\n[core]\ncommand = ["python", "core.py", "{run_dir}", "{seed}"]\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three campaign files: with a command as the core, with the built-in core, and with W&B."""
    folder = tmp_path_factory.mktemp("light")
    (folder / "core.py").write_text(CORE)
    (folder / "small.toml").write_text(SPEC + COMMAND)
    (folder / "built_in.toml").write_text(SPEC.replace("small", "built_in"))
    (folder / "mirrored.toml").write_text(
        SPEC.replace("small", "mirrored") + COMMAND + '[logging]\nwandb_project = "p"\n'
    )
    # W&B makes a folder of this name in the current one; Python takes it for a package.
    (folder / "wandb").mkdir()
    (folder / "a.py").write_text("config = {'lr': 1}\n")
    (folder / "b.py").write_text("config = {'lr': 2}\n")
    hook = folder / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        f"import sys\nsys.modules.update(dict.fromkeys({sorted(EXTRAS)}))\n"
    )
    return folder


def campaign(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in an installation without extras."""
    paths = [str(folder / "hook"), *([] if IS_LIGHT else [str(HERE)])]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("CAMPAIGN_", "WANDB_"))}
    return subprocess.run(
        [sys.executable, "-m", "campaign", *arguments],
        cwd=folder, env={**env, "PYTHONPATH": os.pathsep.join(paths)}, text=True,
        capture_output=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def submitted(folder: Path) -> subprocess.CompletedProcess[str]:
    return campaign(folder, "submit", "small.toml", "--backend", "local")


def test_the_base_requires_only_what_planning_checking_and_comparing_need() -> None:
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    assert {_name(line) for line in project["dependencies"]} == BASE
    extras = {
        extra: {_name(line) for line in lines} for extra, lines in project["optional-dependencies"].items()
    }
    assert extras["run"] == {"ray", "wandb"}
    assert extras["train"] >= {"campaign", "torch", "safetensors", "tokenizers", "transformers"}
    assert "campaign[run,report]" in project["optional-dependencies"]["train"]  # the command of the README


def test_a_folder_without_an_init_is_not_taken_for_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made_by_a_tool").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not is_installed("made_by_a_tool")
    (tmp_path / "made_by_a_tool/__init__.py").write_text("")
    importlib.invalidate_caches()
    assert is_installed("made_by_a_tool")


def test_every_module_that_is_asked_for_is_in_the_extra_that_the_message_names() -> None:
    extras = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for module, (_, extra) in EXTRAS.items():
        assert module.replace("_", "-") in {_name(line).removesuffix("-python") for line in extras[extra]}


@pytest.mark.skipif(not IS_LIGHT, reason="`nox -s light` installs the package without extras")
def test_nothing_heavy_is_installed() -> None:
    installed = {(found.metadata["Name"] or "").lower() for found in metadata.distributions()}
    assert not installed & HEAVY
    required = {_name(line) for line in metadata.requires("campaign") or () if "extra ==" not in line}
    assert required == BASE


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["init", "--list"],
        ["schema"],
        ["plan", "small.toml"],
        ["plan", "built_in.toml", "--json"],
        ["check", "small.toml"],
        ["check", "a.py", "b.py", "--under-test", "lr"],
        ["submit", "built_in.toml", "--dry-run"],
        ["extend", "small.toml", "--dry-run"],
    ],
    ids=" ".join,
)
def test_a_command_that_needs_no_extra_works_without(folder: Path, arguments: list[str]) -> None:
    done = campaign(folder, *arguments)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr


def test_a_campaign_runs_and_is_compared_without_extras(
    folder: Path, submitted: subprocess.CompletedProcess[str]
) -> None:
    assert submitted.returncode == 0, submitted.stderr
    assert (
        "report could not be built: the page needs Jinja and vl-convert: pip install 'campaign[report]'"
        in (submitted.stderr)
    )
    codes = {
        ("status", "small"): 0, ("logs", "small", "base_s1"): 0, ("compare", "small"): 3,
        ("report", "small", "--format", "md"): 0, ("report", "small", "--json"): 0, ("sync", "small"): 0,
        ("cancel", "small"): 0, ("run", "campaigns/small/runs/kl_s1/config.toml", "--out", "one"): 0,
    }  # fmt: skip
    for arguments, code in codes.items():
        done = campaign(folder, *arguments)
        assert (done.returncode, done.stderr.count("Traceback")) == (code, 0), (arguments, done.stderr)


NAMED = [
    (["submit", "mirrored.toml"], "the backend `ray` needs Ray: pip install 'campaign[run]', or --backend local"),
    (["submit", "mirrored.toml", "--detach"], "nothing was started: the backend `ray` needs Ray"),
    (["submit", "built_in.toml", "--backend", "local"],
     "the built-in core needs PyTorch and safetensors: pip install 'campaign[train]'"),
    (["submit", "mirrored.toml", "--backend", "local"],
     "the metrics sink `wandb` needs W&B: pip install 'campaign[run]'"),
    (["report", "small"], "the page needs Jinja and vl-convert: pip install 'campaign[report]', or --format md"),
    (["squeeze", "adapter"], "needs PyTorch and safetensors: pip install 'campaign[train]'"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), NAMED, ids=[" ".join(words) for words, _ in NAMED])
@pytest.mark.usefixtures("submitted")
def test_a_command_that_needs_an_extra_names_it(folder: Path, arguments: list[str], message: str) -> None:
    done = campaign(folder, *arguments)
    assert done.returncode == 4
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("submitted")
def test_a_refused_submit_has_started_nothing(folder: Path) -> None:
    campaign(folder, "submit", "mirrored.toml", "--backend", "local")
    assert not (folder / "campaigns/mirrored/campaign.db").exists()
    assert not (folder / "campaigns/mirrored/runs").exists()


def test_the_plan_says_what_a_submit_from_here_would_lack(folder: Path) -> None:
    document: dict[str, Any] = json.loads(campaign(folder, "plan", "mirrored.toml", "--json").stdout)
    needs = [sentence.partition(":")[0] for sentence in document["missing_packages"]]
    assert needs == ["the backend `ray` needs Ray", "the metrics sink `wandb` needs W&B"]
    assert "not installed: the backend `ray` needs Ray" in campaign(folder, "plan", "mirrored.toml").stdout


def test_the_uploads_and_a_chart_name_their_extra(folder: Path, submitted: Any) -> None:
    waiting = folder / "campaigns/small/runs/base_s1/attempts/0001/wandb/offline-run-1"
    waiting.mkdir(parents=True)
    (waiting / "run-1.wandb").write_bytes(b"")
    assert "the upload needs W&B: pip install 'campaign[run]'" in campaign(folder, "sync", "small").stderr
    code = "import campaign; campaign.open('campaigns/small').plot('correct_rate')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "hook"), str(HERE)])},
    )  # fmt: skip
    assert "MissingPackage: a chart needs Altair: pip install 'campaign[report]'" in done.stderr


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=~!; ]", requirement)[0].lower()
