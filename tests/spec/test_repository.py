"""Every TOML file of the repository is planned or checked as a user would, and is what its text says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from campaign.check.campaign_file import read_campaign
from campaign.spec.hypotheses import read_hypotheses
from campaign.spec.load import load
from campaign.spec.plan_json import plan_from_json, plan_to_json
from campaign.spec.resolve import resolve
from tests.spec.conftest import Cli

ROOT = Path(__file__).parents[2]
FOLDERS = ("benchmarks", "conditions", "docs", "examples", "templates")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.toml"))
CAMPAIGNS = [path for path in FILES if "campaign" in tomllib.loads(path.read_text(encoding="utf-8"))]
DEMO = ROOT / "examples" / "first_light.toml"
FEWEST_SEEDS = 6
"""Below it no exact paired test can reach p < .05."""
AS_THIS_FIELD_WRITES_IT = ROOT / "examples" / "sample.toml"

SAMPLE = """\
[campaign]
seeds = [42, 101, 202]
max_steps = 100

[[campaign.conditions]]
advantage_mode = "grpo"
transform_mode = "none"

[[campaign.conditions]]
advantage_mode = "maxrl"
transform_mode = "gtpo_sepa"

[model]
lora_rank = 128

[squeeze]
min_variance_retention = 0.95

[logging]
wandb_project = "test-sweep"
"""


def test_every_toml_file_of_the_repository_is_among_those_that_these_tests_read() -> None:
    other = {ROOT / "pyproject.toml"}
    hidden_or_built = ("build", "dist", "site", "campaigns")
    found = {
        path
        for path in ROOT.rglob("*.toml")
        if not any(part.startswith(".") or part in hidden_or_built for part in path.relative_to(ROOT).parts)
    }
    assert found == other | set(FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_shipped_file_is_planned_or_checked_by_the_command(path: Path, cli: Cli) -> None:
    if path in CAMPAIGNS:
        document = json.loads(cli("plan", path, "--json").out)
        assert document["check"]["verdict"] == "proven"
        assert set(document["counts"]) == {"run"}
        assert not [note for note in document["notes"] if "no effect" in note]
    else:
        assert cli("check", path).code == (1 if path.stem == "planted" else 0)


@pytest.mark.parametrize("path", CAMPAIGNS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_shipped_campaign_loads_and_plans(path: Path) -> None:
    plan = resolve(load(path))
    assert {run.action for run in plan.runs} == {"run"}
    assert len(plan.runs) >= 2
    assert plan_from_json(plan_to_json(plan)) == plan


@pytest.mark.parametrize("path", CAMPAIGNS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_shipped_campaign_has_enough_seeds_for_a_verdict_or_says_why_not(path: Path) -> None:
    if path in (DEMO, AS_THIS_FIELD_WRITES_IT):
        assert len(load(path).seeds) < FEWEST_SEEDS
        assert re.search(
            "seeds cannot establish|Three seeds illustrate", path.read_text().replace("\n# ", " ")
        )
    else:
        assert len(load(path).seeds) >= FEWEST_SEEDS


def test_a_shipped_campaign_declares_hypotheses_looks_and_a_mechanism_about_logged_metrics() -> None:
    spec = read_campaign(ROOT / "conditions/credit_assignment/campaign.toml")
    assert spec.looks == (8, 16)
    effect, _ = read_hypotheses(spec.hypotheses)
    assert (effect.baseline, effect.candidate) == ("maxrl_gtpo_hicra", "maxrl_gtpo_sepa")
    assert effect.metric == "correct_rate"
    assert effect.mechanism
    assert (effect.mechanism.metric, effect.mechanism.direction) == ("exec_entropy_var", "lower")


@pytest.mark.parametrize("path", CAMPAIGNS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_shipped_campaign_states_its_purpose(path: Path) -> None:
    comments = re.findall(r"^# .+", path.read_text(), re.M)
    assert len(comments) >= 3


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_an_example_says_what_to_expect_and_names_a_schema_that_exists(path: Path) -> None:
    text = path.read_text()
    assert "Expect" in text
    directive = re.match(r"#:schema (\S+)", text)
    assert directive
    assert (path.parent / directive[1]).is_file()


def test_the_sample_is_the_plain_file_that_this_field_writes() -> None:
    path = ROOT / "examples" / "sample.toml"
    assert path.read_text().endswith(SAMPLE)
    spec = load(path)
    assert [condition.label for condition in spec.conditions] == ["grpo+none", "maxrl+gtpo_sepa"]
    assert spec.seeds == (42, 101, 202)
    config = spec.conditions[1].config
    assert (config.training.max_steps, config.model.lora_rank) == (100, 128)
    assert config.squeeze is not None
    assert config.logging.wandb_project == "test-sweep"


def test_first_light_is_two_conditions_that_differ_in_the_kl_weight_alone() -> None:
    spec = load(ROOT / "examples" / "first_light.toml")
    assert spec.under_test == ("algorithm.kl_coef",)
    assert [condition.config.algorithm.kl_coef for condition in spec.conditions] == [0.0, 0.1]
    assert len(resolve(spec).runs) == 6
    assert {run.config.training.max_steps for run in resolve(spec).runs} == {100}


def test_the_campaign_of_the_readme_plans(tmp_path: Path, cli: Cli) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (campaign,) = [block for block in blocks if "[campaign]" in block]
    (tmp_path / "study.toml").write_text(campaign)
    result = cli("plan", "study.toml")
    assert result.code == 0
    assert "check: proven" in result.out
