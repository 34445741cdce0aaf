"""What a plan says about fields that are set and not read, and about how far SEPA's lambda gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaign.spec.resolve import resolve
from tests.spec.conftest import Cli, Loader

PAIR = "[campaign]\nseeds = [1, 2]\n[[campaign.conditions]]\nname = 'a'\n[[campaign.conditions]]\nname = 'b'\nlr = 0.1\n"
WITH_SEPA = "[campaign]\nmax_steps = {steps}\n[[campaign.conditions]]\ntransform_mode = 'gtpo_sepa'\n"
COMMAND = "[core]\ncommand = ['python', 'train.py']\n"
SAMPLE = Path(__file__).parents[2] / "examples" / "sample.toml"


def notes(spec_of: Loader, text: str) -> str:
    return "\n".join(resolve(spec_of(text)).notes)


@pytest.mark.parametrize(
    ("section", "note"),
    [
        ("[sepa]\nsteps = 100\n", "[sepa] has no effect: the transform does not use SEPA"),
        ("[hicra]\nalpha = 0.3\n", "[hicra] has no effect"),
        ("[gtpo]\nbeta = 0.3\n", "[gtpo] has no effect: no transform uses this"),
        ("[squeeze]\n", "[squeeze] has no effect: this is about a LoRA adapter"),
        ("[model]\nlora_alpha = 8.0\n", "[model] has no effect: this is about a LoRA adapter"),
        ("[model]\nlora_alpha = 8.0\ndtype = 'bfloat16'\n", "model.lora_alpha has no effect"),
        ("[training]\neval_every = 0\neval_size = 8\n", "training.eval_size has no effect"),
        ("[training]\nclip_ratio = 0.1\n", "with one update per batch"),
        ("[algorithm]\nkl_warmup_steps = 5\n", "there is no KL term"),
        ("[algorithm]\nparams = {x = 1}\n", "this is for algorithm.algorithm_mode"),
        ("[logging]\nwandb_tags = ['x']\n", "[logging] has no effect: W&B is not used"),
        ("[core]\noptions = {x = 1}\n", "[core] has no effect: this is for a command or an entry point"),
        ("[ray]\naddress = 'h:1'\n[execution]\nbackend = 'local'\n", "[ray] has no effect"),
        (
            COMMAND + "[data]\nlevel = 1\n",
            "[data], training.lr have no effect: only the built-in core reads this",
        ),
        (COMMAND + "[sepa]\nsteps = 5\n", "[sepa]"),
        (COMMAND + "options = {x = 1}\n", "core.options has no effect: core.command has no {config}"),
    ],
)
def test_a_section_or_field_that_nothing_reads_is_reported_with_the_reason(
    section: str, note: str, spec_of: Loader
) -> None:
    assert note in notes(spec_of, PAIR + section)


def test_fields_that_some_condition_reads_are_not_reported(spec_of: Loader) -> None:
    text = (
        "[[campaign.conditions]]\ntransform_mode = 'gtpo_sepa'\n[[campaign.conditions]]\nname = 'plain'\n"
        "[sepa]\nsteps = 50\n[gtpo]\nbeta = 0.2\n[model]\nlora_rank = 4\n[squeeze]\n"
    )
    assert "no effect" not in notes(spec_of, text)


def test_conditions_that_differ_in_a_field_that_they_do_not_read_have_the_same_results(
    spec_of: Loader,
) -> None:
    found = notes(
        spec_of, "[campaign.factors]\ntransform_mode = ['none', 'gtpo_sepa']\nsepa.steps = [100, 200]\n"
    )
    assert "sepa.steps has no effect in grpo+none~steps=100, grpo+none~steps=200" in found
    assert "grpo+none~steps=200 and grpo+none~steps=100 differ only in fields that neither reads" in found
    assert "gtpo_sepa~steps=200 and" not in found


def test_many_conditions_with_the_same_results_are_one_note(spec_of: Loader) -> None:
    found = notes(
        spec_of, f"[campaign.factors]\ngtpo.beta = {[n / 10 for n in range(1, 10)]}\nkl_coef = [0.0, 0.1]\n"
    )
    assert found.count("the same results") == 1
    assert "(and 15 more conditions like these)" in found


def test_shipped_modules_that_share_sections_are_not_reported(spec_of: Loader) -> None:
    from campaign.check.campaign_file import read_campaign

    path = Path(__file__).parents[2] / "conditions/credit_assignment/campaign.toml"
    assert "no effect" not in "\n".join(resolve(read_campaign(path)).notes)


@pytest.mark.parametrize(
    ("steps", "sepa", "words"),
    [
        (
            100,
            "",
            "lambda reaches .098 in 100 steps (sepa.delay_steps = 50, sepa.steps = 500) if the correct rate "
            "reaches .1; this is nearly plain gtpo; sepa.steps = 49 lets it reach 1",
        ),
        (30, "", "lambda reaches 0 in 30 steps"),
        (30, "", "a sepa.delay_steps below 29 lets it reach 1"),
        (100, "[sepa]\nsteps = 49\ncorrect_rate_gate = 0.0\n", "lambda reaches 1 in 100 steps"),
        (100, "[sepa]\nschedule = 'auto'\n", "lambda reaches at least .098 in 100 steps"),
    ],
)
def test_plan_says_how_far_the_lambda_of_sepa_gets(
    steps: int, sepa: str, words: str, spec_of: Loader
) -> None:
    assert words in notes(spec_of, WITH_SEPA.format(steps=steps) + sepa)


def test_lambda_is_said_by_plan_its_json_and_a_dry_run_and_only_for_conditions_that_use_it(cli: Cli) -> None:
    for arguments in (["plan"], ["plan", "--json"], ["submit", "--dry-run"]):
        out = cli(*arguments, SAMPLE).out
        assert "maxrl+gtpo_sepa: SEPA's lambda reaches .098" in out
        assert "grpo+none: SEPA" not in out


def test_a_metrics_file_for_the_built_in_core_is_refused(spec_of: Loader) -> None:
    with pytest.raises(Exception, match=r"the built-in core writes metrics\.jsonl"):
        spec_of("[core]\nmetrics_file = 'log.jsonl'\n")


def test_braces_that_are_no_placeholder_are_said_to_be_passed_as_they_are(spec_of: Loader) -> None:
    argument = notes(spec_of, PAIR + "[core]\ncommand = ['train', '--lr', '{lr}', '{config}']\n")
    assert (
        "core.command passes {lr} as it is; replaced are {config}, {run_dir}, {seed}, {checkpoint}"
        in argument
    )
    assert "as it is" not in notes(
        spec_of, PAIR + "[core]\ncommand = ['train', '{config}', '--seed={seed}']\n"
    )
