"""Every campaign file of the repository loads and plans, and is what its text says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from campaign.spec.load import load
from campaign.spec.plan_json import plan_from_json, plan_to_json
from campaign.spec.resolve import resolve

ROOT = Path(__file__).parents[2]
CAMPAIGNS = sorted([*(ROOT / "examples").glob("*.toml"), *(ROOT / "templates").glob("*.toml")])

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


@pytest.mark.parametrize("path", CAMPAIGNS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_shipped_campaign_loads_and_plans(path: Path) -> None:
    plan = resolve(load(path))
    assert {run.action for run in plan.runs} == {"run"}
    assert len(plan.runs) >= 2
    assert plan_from_json(plan_to_json(plan)) == plan


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
