"""`plan`, `check` and `submit` check hypotheses against the metrics that the core declares to log."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaign.check.campaign_file import read_campaign
from campaign.errors import Problem, SpecError
from campaign.metrics.definitions import METRICS
from campaign.metrics.logged_metrics import absence
from campaign.spec.config import RunConfig
from tests.spec.conftest import Cli

CONDITIONS = """
[campaign]
seeds = [1, 2, 3, 4, 5, 6]
max_steps = 50

[[campaign.conditions]]
name = "base"

[[campaign.conditions]]
name = "kl"
kl_coef = 0.1

"""
COMMAND = '[core]\ncommand = ["python", "train.py", "{run_dir}"]\n'


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "study.toml"
    path.write_text(CONDITIONS + text)
    found: tuple[Problem, ...] = ()
    try:
        read_campaign(path)
    except SpecError as error:
        found = error.problems
    assert all(problem.place and problem.place.line for problem in found)
    assert all(problem.hint or "expected" in problem.message for problem in found), (
        "every message has the fix"
    )
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("before", "claim", "message"),
    [
        ("", "metric = 'corect_rate'", "did you mean `correct_rate`?"),
        ("", "metric = 'step'", "it labels the rows"),
        ("", "metric = 'dataset/ad/accuracy'", "data.sources does not list `ad`\n    did you mean `add`?"),
        ("", "metric = 'train/accuracy_option'", "no problems of the type `option`"),
        ("", "metric = 'kl'\ndirection = 'lower'", "not logged by base: algorithm.kl_coef is 0"),
        ("", "metric = 'sepa_lambda'", "its transform does not use SEPA"),
        ("", "metric = 'clip_fraction'", "training.updates_per_batch is 1"),
        ("[algorithm]\nstrategic_grams = []\n", "metric = 'plan_entropy_var'", "strategic_grams is empty"),
        ("[training]\neval_every = 0\n", "metric = 'correct_rate'\nsummary = 'eval'", "eval_every is 0"),
        ("[training]\neval_every = 0\n", "metric = 'val/mean_reward'", "eval_every is 0"),
        ("", "metric = 'loss'\nsummary = 'eval'", 'the summary `eval` reads "val/loss"'),
        ("", "metric = 'correct_rate'\nmechanism = { metric = 'exec_entropy' }", "mechanism.metric"),
        ("", "metric = 'max_token_hit_rate'", 'write direction = "lower"'),
        ("", "metric = 'correct_rate'\nmin_effect = 2", "write 0.02 for 2 percentage points"),
        (
            "",
            "metric = 'correct_rate'\nmechanism = {metric = 'val/correct_rate'}",
            'write direction = "higher"',
        ),
        (
            COMMAND + "metrics = ['loss', 'acc']\n",
            "metric = 'ac'",
            "does not list it\n    did you mean `acc`?",
        ),
        (COMMAND + "metrics = ['acc']\n", "metric = 'acc'\nsummary = 'eval'", 'reads "val/acc"'),
        (COMMAND + "metrics = ['a', 'b c', '']\n", "metric = 'a'", "expected the name of a metric"),
        (COMMAND + "metrics = ['a', 'a']\n", "metric = 'a'", "lists `a` twice"),
    ],
)
def test_a_claim_about_a_metric_that_is_not_logged_is_refused_with_the_fix(
    before: str, claim: str, message: str, tmp_path: Path
) -> None:
    found = problems(tmp_path, f"{before}[[hypotheses]]\nname = 'h'\n{claim}\n")
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("before", "claim"),
    [
        ("", "metric = 'correct_rate'"),
        ("", "metric = 'dataset/add/accuracy'"),
        ("", "metric = 'loss'"),
        ("[algorithm]\nkl_coef = 0.2\n", "metric = 'kl'\ndirection = 'lower'"),
        ("[training]\neval_every = 1000\n", "metric = 'correct_rate'\nsummary = 'eval'"),
        ("[training]\neval_every = 0\n", "metric = 'correct_rate'"),
        (COMMAND, "metric = 'anything'"),
        (COMMAND + "metrics = ['acc']\n", "metric = 'acc'\nmin_effect = 2"),
        (COMMAND + "metrics = []\nmetrics_map = { acc = 'train/acc' }\n", "metric = 'acc'"),
        ("[core]\nentrypoint = 'train:main'\n", "metric = 'anything'"),
    ],
)
def test_a_claim_about_a_metric_that_is_logged_is_accepted(before: str, claim: str, tmp_path: Path) -> None:
    assert problems(tmp_path, f"{before}[[hypotheses]]\nname = 'h'\n{claim}\n") == []


def test_plan_check_and_submit_refuse_a_misspelt_metric_and_start_nothing(cli: Cli, tmp_path: Path) -> None:
    problems(tmp_path, "[[hypotheses]]\nname = 'h'\nmetric = 'corect_rate'\n")
    for arguments in (["plan"], ["check"], ["submit", "--backend", "local"], ["submit", "--dry-run"]):
        result = cli(*arguments, "study.toml")
        assert result.code == 2
        assert 'study.toml:15:10: hypotheses[0].metric: "corect_rate" is not logged by base' in result.err
    assert not (tmp_path / "campaigns").exists()


def test_plan_says_that_an_undeclared_core_cannot_be_checked_before_its_first_rows(
    cli: Cli,
    tmp_path: Path,
) -> None:
    problems(tmp_path, COMMAND + "[[hypotheses]]\nname = 'h'\nmetric = 'acc'\n")
    assert "core.metrics = [...] declares" in cli("plan", "study.toml").out
    problems(tmp_path, COMMAND + "metrics = ['acc']\n[[hypotheses]]\nname = 'h'\nmetric = 'acc'\n")
    assert "core.metrics" not in cli("plan", "study.toml").out


def test_every_metric_of_the_schema_is_logged_by_some_configuration_according_to_the_declaration() -> None:
    config = RunConfig.model_validate(
        {
            "algorithm": {"kl_coef": 0.1, "transform_mode": "gtpo_sepa"},
            "training": {"updates_per_batch": 2},
        }
    )
    names = [metric.name.replace("<source>", "add").replace("<type>", "exact") for metric in METRICS]
    absent = {name for name in names if absence(config, name) is not None}
    assert absent == {metric.name for metric in METRICS if metric.stage == "label"}


def test_headline_metric_that_no_condition_logs_is_refused(tmp_path: Path) -> None:
    """One that a single condition logs is shown for that one, such as the KL term of a condition with a penalty."""
    path = tmp_path / "study.toml"
    for name, refused in (("corect_rate", True), ("kl", False), ("val/correct_rate", False)):
        path.write_text(CONDITIONS.replace("max_steps = 50", f'max_steps = 50\nheadline_metric = "{name}"'))
        found: tuple[Problem, ...] = ()
        try:
            read_campaign(path)
        except SpecError as error:
            found = error.problems
        assert ["headline_metric" in str(problem) for problem in found] == [True] * refused
