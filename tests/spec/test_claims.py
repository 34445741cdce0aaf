"""`[[hypotheses]]`: each table is valid, and names conditions that exist."""

from __future__ import annotations

import pytest

from campaign.errors import SpecError
from campaign.spec.planned_runs import Facts, RunFacts
from campaign.spec.resolve import resolve
from tests.spec.conftest import Loader

CONDITIONS = '[[campaign.conditions]]\nname = "base"\n[[campaign.conditions]]\nname = "kl"\nkl_coef = 0.1\n'


def test_a_hypothesis_about_the_campaigns_conditions_is_kept_as_written(spec_of: Loader) -> None:
    text = (
        CONDITIONS
        + "[[hypotheses]]\nname = 'h'\nmetric = 'correct_rate'\nbaseline = 'base'\ncandidate = 'kl'\n"
    )
    (hypothesis,) = spec_of(text).hypotheses
    assert hypothesis == {"name": "h", "metric": "correct_rate", "baseline": "base", "candidate": "kl"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("metric = 'x'\n", "hypotheses[0].name: is required but missing"),
        (
            "name = 'h'\nmetric = 'x'\ncandidate = 'kll'\n",
            ':9:13: hypotheses[0].candidate: there is no condition "kll"',
        ),
        ("name = 'h'\nmetric = 'x'\ndirection = 'lwer'\n", "did you mean `lower`?"),
        ("name = 'h'\nmetric = 'x'\nmin_efect = 0.1\n", ":9:1: hypotheses[0]: unknown key `min_efect`"),
        (
            "name = 'h'\nmetric = 'x'\nsummary = 'tail:x'\n",
            ":9:11: hypotheses[0].summary: has the wrong form",
        ),
        ("name = 'h'\nmetric = 'x'\ncontrast = {base = 1.0, kl = 1.0}\n", "sum to zero"),
        (
            "name = 'h'\nmetric = 'x'\nranking = ['kl', 'bas']\n",
            "hypotheses[0].ranking[1]: there is no condition",
        ),
        (
            "name = 'h'\nmetric = 'x'\n[[hypotheses]]\nname = 'h'\nmetric = 'y'\n",
            'two hypotheses are named "h"',
        ),
    ],
)
def test_an_invalid_hypothesis_is_refused_with_its_position(
    table: str, message: str, spec_of: Loader
) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(f"{CONDITIONS}[[hypotheses]]\n{table}")
    assert message in str(caught.value)


SHORT = "[campaign]\nseeds = [1, 2, 3]\nmax_steps = 50\n" + CONDITIONS


@pytest.mark.parametrize(
    ("claim", "message", "fix"),
    [
        ("min_steps = 51", "min_steps: is 51, but a run of base has 50 steps", "write at most 50"),
        ("summary = 'tail:60'", "summary: is the mean of the last 60 steps", "write at most `tail:50`"),
        (
            "mechanism = { metric = 'loss', summary = 'tail:60' }",
            "mechanism.summary: is the mean of the last 60 steps",
            "write at most `tail:50`",
        ),
        ("min_pairs = 4", "min_pairs: is 4, but the campaign has 3 seeds", "add seeds"),
        (
            "min_generations = 801",
            "is 801, but a run of base logs 50 steps x 2 prompts x 8 completions = 800",
            "raise training.log_generations",
        ),
        ("candidate = 'base'", '"base" is the first condition, which is the baseline', "another candidate"),
        ("min_effect = -0.1", "must be at least 0, got -0.1", "`direction` gives its sign"),
        ("threshold = -1", "must be at least 0, got -1", "`direction` gives its sign"),
        ("mechanism = { metric = 'loss', threshold = -1 }", "must be at least 0", "gives its sign"),
    ],
)
def test_a_requirement_that_no_run_can_meet_is_refused_once_with_the_arithmetic_and_the_fix(
    claim: str, message: str, fix: str, spec_of: Loader
) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(f"{SHORT}[[hypotheses]]\nname = 'h'\nmetric = 'correct_rate'\n{claim}\n")
    (problem,) = caught.value.problems
    assert message in str(problem)
    assert fix in problem.hint
    assert problem.place
    assert problem.place.line == 12


def test_a_hypothesis_of_a_campaign_with_one_condition_compares_nothing(spec_of: Loader) -> None:
    with pytest.raises(SpecError, match="compares base with nothing"):
        spec_of("[[hypotheses]]\nname = 'h'\nmetric = 'correct_rate'\n")


@pytest.mark.parametrize(
    "claim",
    ["min_steps = 50", "summary = 'tail:50'", "min_pairs = 3", "min_generations = 800", "min_effect = 0.0"],
)
def test_a_requirement_at_its_limit_is_accepted(claim: str, spec_of: Loader) -> None:
    assert spec_of(f"{SHORT}[[hypotheses]]\nname = 'h'\nmetric = 'correct_rate'\n{claim}\n").hypotheses


def test_a_later_look_counts_as_seeds(spec_of: Loader) -> None:
    text = SHORT.replace("max_steps", "looks = [3, 8]\nmax_steps")
    assert spec_of(f"{text}[[hypotheses]]\nname = 'h'\nmetric = 'loss'\nmin_pairs = 8\n").hypotheses


@pytest.mark.parametrize(("steps", "refused"), [("", False), ("[training]\nmax_steps = 100\n", True)])
def test_the_length_of_a_command_is_known_only_when_the_file_gives_it(
    steps: str, refused: bool, spec_of: Loader
) -> None:
    text = (
        f"{CONDITIONS}{steps}[core]\ncommand = ['python', 'train.py']\n"
        "[[hypotheses]]\nname = 'h'\nmetric = 'acc'\nmin_steps = 500\n"
    )
    if not refused:
        assert spec_of(text).hypotheses
        return
    with pytest.raises(SpecError, match="is 500, but a run of base has 100 steps"):
        spec_of(text)


def test_undeclared_metrics_are_a_note_only_until_rows_have_shown_them(spec_of: Loader) -> None:
    spec = spec_of(
        f"{CONDITIONS}[core]\ncommand = ['train', '{{config}}']\n[[hypotheses]]\nname = 'h'\nmetric = 'acc'\n"
    )
    assert any("before the first rows" in note for note in resolve(spec).notes)
    logged = Facts({"base_s42": RunFacts("done", "", {}, last_step=9)})
    assert not any("before the first rows" in note for note in resolve(spec, logged).notes)
