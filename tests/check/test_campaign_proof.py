"""The proof that a campaign file asks for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from campaign.check.campaign_proof import combine_results, proof_sentence, prove_conditions, prove_spec
from campaign.check.findings import CheckResult, Finding, VariantResult
from campaign.check.output.json import to_json
from campaign.errors import Confounded, UsageError
from campaign.spec.config import RunConfig
from campaign.spec.load import load
from campaign.spec.resolve import resolve

from .conftest import Run, Write

SPEC = """
[campaign]
seeds = [1]
under_test = ["algorithm.advantage_mode", "algorithm.kl_coef"]

[[campaign.conditions]]
name = "a"
module = "a.py"

[[campaign.conditions]]
name = "b"
module = "b.py"
kl_coef = 0.1
"""
MODULE = "config = {{'algorithm': {{'advantage_mode': '{mode}'}}, 'training': {{'lr': {lr}}}}}\n"


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(MODULE.format(mode="grpo", lr=1e-3))
    (tmp_path / "b.py").write_text(MODULE.format(mode="maxrl", lr=1e-3))
    (tmp_path / "study.toml").write_text(SPEC)
    return tmp_path / "study.toml"


def proof(spec: Path, **overrides: Any) -> CheckResult:
    loaded = load(spec)
    return prove_spec(loaded, resolve(loaded), overrides)


def test_conditions_and_the_sources_of_their_modules_are_both_proven(spec: Path) -> None:
    result = proof(spec)
    assert result.verdict == "proven"
    assert [variant.target for variant in result.variants] == ["b", "b.py"]


def test_field_under_test_that_only_the_spec_sets_may_be_in_no_module(spec: Path) -> None:
    assert "kl_coef" not in (spec.parent / "a.py").read_text()
    assert proof(spec).verdict == "proven"


def test_pattern_of_a_flag_that_matches_nothing_is_refused(spec: Path) -> None:
    with pytest.raises(UsageError, match="no field matches 'output_dir'"):
        proof(spec, labels=("output_dir",))
    with pytest.raises(UsageError, match=r"no field matches 'algorithm\.nothing'"):
        proof(spec, under_test=("algorithm.advantage_mode", "algorithm.nothing"))


def test_confound_between_modules_is_one_in_both_and_the_sentence_names_it(spec: Path) -> None:
    (spec.parent / "b.py").write_text(MODULE.format(mode="maxrl", lr=2e-3))
    result = proof(spec)
    assert [variant.verdict for variant in result.variants] == ["confound", "confound"]
    where = "also differ in training.lr, outside the fields under test"
    assert proof_sentence(result) == (
        f"CONFOUND: resolved conditions: the resolved configurations of both conditions {where}; "
        f"condition modules: the sources of 2 condition modules {where}"
    )


TABLE = '\n[check]\nvariants = ["x.py", "y.py"]\nunder_test = ["temperature"]\n'
PLAIN = """
[campaign]
seeds = [1]
under_test = ["algorithm.kl_coef"]

[[campaign.conditions]]
name = "a"
kl_coef = 0.0

[[campaign.conditions]]
name = "b"
kl_coef = 0.1
"""
COMMAND = '\n[core]\ncommand = ["python", "train.py", "{config}", "{run_dir}"]\n'


@pytest.fixture
def unrelated(spec: Path) -> Path:
    """A campaign whose `[check]` table is valid, proven, and says nothing about its conditions."""
    (spec.parent / "x.py").write_text("config = {'temperature': 0.7}\n")
    (spec.parent / "y.py").write_text("config = {'temperature': 0.9}\n")
    spec.write_text(PLAIN + TABLE)
    return spec


def test_check_table_adds_to_the_proof_of_the_conditions_and_both_are_named(unrelated: Path) -> None:
    result = proof(unrelated)
    assert [(part.name, part.reference, part.verdict) for part in result.parts] == [
        ("resolved conditions", "a", "proven"),
        ("[check]", "x.py", "proven"),
    ]
    assert proof_sentence(result) == (
        "proven: resolved conditions: the resolved configurations of both conditions differ only in the fields "
        "under test; [check]: the configurations of 2 files differ only in the fields under test"
    )


def test_unrelated_check_table_does_not_hide_a_confound_of_the_conditions(unrelated: Path) -> None:
    unrelated.write_text(f"{PLAIN}lr = 0.5\n{TABLE}")
    result = proof(unrelated)
    assert [(part.name, part.verdict) for part in result.parts] == [
        ("resolved conditions", "confound"),
        ("[check]", "proven"),
    ]
    assert result.verdict == "confound"
    assert "also differ in training.lr, outside the fields under test" in proof_sentence(result)


def test_confound_in_the_check_table_is_one_although_the_conditions_are_proven(unrelated: Path) -> None:
    (unrelated.parent / "y.py").write_text("config = {'temperature': 0.9, 'top_p': 0.5}\n")
    result = proof(unrelated)
    assert [part.verdict for part in result.parts] == ["proven", "confound"]
    assert "[check]: the configurations of 2 files also differ in top_p" in proof_sentence(result)


def test_single_condition_leaves_the_check_table_as_all_that_was_compared(unrelated: Path) -> None:
    unrelated.write_text("[campaign]\nseeds = [1]\n" + TABLE)
    result = proof(unrelated)
    assert (result.name, result.verdict) == ("[check]", "proven")
    assert proof_sentence(result) == (
        "proven: the configurations of 2 files differ only in the fields under test"
    )


@pytest.mark.parametrize(
    "words", [["--format", "text"], ["--json"], ["--format", "github"], ["--format", "sarif"]]
)
def test_every_output_of_check_shows_both_comparisons(unrelated: Path, run: Run, words: list[str]) -> None:
    unrelated.write_text(f"{PLAIN}lr = 0.5\n{COMMAND}{TABLE}")
    done = run(unrelated.name, *words, cwd=unrelated.parent)
    assert done.returncode == 1
    for said in ("resolved conditions", "[check]", "training.lr", "the code of the command", "train.py"):
        assert said in done.stdout
    if words == ["--json"]:
        document = json.loads(done.stdout)
        assert [(part["name"], part["reference"], part["verdict"]) for part in document["comparisons"]] == [
            ("resolved conditions", "a", "confound"),
            ("[check]", "x.py", "proven"),
        ]
        assert [(found["comparison"], found["target"]) for found in document["variants"]] == [
            ("resolved conditions", "b"),
            ("[check]", "y.py"),
        ]
        assert document["verdict"] == "confound"
    if words == ["--format", "sarif"]:
        (result,) = json.loads(done.stdout)["runs"][0]["results"]
        assert result["message"]["text"] == "resolved conditions: training.lr: 0.0003 in a, 0.5 in b"


def test_configuration_of_a_command_is_what_is_compared_and_its_code_is_not(unrelated: Path) -> None:
    unrelated.write_text(PLAIN + COMMAND)
    result = proof(unrelated)
    command = "the command `python train.py {config} {run_dir}`"
    assert result.not_compared == f"the code of {command}"
    assert proof_sentence(result) == (
        "proven: the resolved configurations of both conditions differ only in the fields under test; "
        f"not compared: the code of {command}"
    )
    assert f"{command} reads nothing but the run's configuration" in result.assumptions
    assert not any("built-in core" in assumption for assumption in result.assumptions)
    unrelated.write_text(PLAIN)
    assert "the built-in core reads nothing but the run's configuration" in proof(unrelated).assumptions
    assert proof(unrelated).not_compared == ""


def test_reason_for_a_confound_is_recorded_only_where_there_is_one(unrelated: Path) -> None:
    assert to_json(proof(unrelated), "the warm start")["allowed"] is None
    unrelated.write_text(f"{PLAIN}lr = 0.5\n")
    assert to_json(proof(unrelated), "the warm start")["allowed"] == "the warm start"


def test_flags_that_describe_no_file_are_refused_and_do_not_seem_to_apply(unrelated: Path) -> None:
    unrelated.write_text(f"{PLAIN}lr = 0.5\n")
    with pytest.raises(UsageError, match=r"campaign\.under_test"):
        proof(unrelated, under_test=("training.lr",))


def test_check_table_that_names_no_files_is_refused_and_not_ignored(unrelated: Path) -> None:
    unrelated.write_text(PLAIN + '\n[check]\nequal = ["training.lr", "algorithm.kl_coef"]\n')
    with pytest.raises(UsageError, match="nothing of it would be checked"):
        proof(unrelated)


def test_campaign_with_a_check_table_must_be_valid_to_be_checked(unrelated: Path, run: Run) -> None:
    unrelated.write_text(PLAIN.replace("kl_coef = 0.1", "kl_cofe = 0.1") + TABLE)
    done = run(unrelated.name, cwd=unrelated.parent)
    assert done.returncode == 2
    assert "kl_cofe" in done.stderr
    unrelated.write_text(TABLE)
    assert run(unrelated.name, cwd=unrelated.parent).returncode == 0


def test_plan_says_confound_whatever_the_check_table_says(unrelated: Path, capsys: Any) -> None:
    from typer.testing import CliRunner

    from campaign.cli.app import app

    unrelated.write_text(f"{PLAIN}lr = 0.5\n{TABLE}")
    said = CliRunner().invoke(app, ["plan", unrelated.name]).stdout
    check = " ".join(said[said.index("check: ") :].split())
    assert check.startswith("check: CONFOUND: resolved conditions:")
    assert "training.lr" in check
    refused = CliRunner().invoke(app, ["submit", unrelated.name, "--dry-run"])
    assert isinstance(refused.exception, Confounded)
    words = ["submit", unrelated.name, "--dry-run", "--allow-confounds", "the warm start"]
    assert "check: CONFOUND: resolved conditions:" in CliRunner().invoke(app, words).stdout
    proof = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)["proof"]
    assert (proof["verdict"], proof["allowed"]) == ("confound", "the warm start")
    assert [part["name"] for part in proof["comparisons"]] == ["resolved conditions", "[check]"]


def test_paths_of_the_check_table_are_relative_to_the_spec(
    spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec.write_text(
        SPEC + '\n[check]\nvariants = ["a.py", "b.py"]\nunder_test = ["algorithm.advantage_mode"]\n'
    )
    folder = spec.parent / "sub"
    folder.mkdir()
    monkeypatch.chdir(spec.parent.parent)
    assert proof(spec).parts[-1].reference == f"{spec.parent.name}/a.py"
    monkeypatch.chdir(folder)
    assert proof(spec).verdict == "proven"


def test_against_needs_files(spec: Path) -> None:
    loaded = load(spec)
    with pytest.raises(UsageError, match="--against needs"):
        prove_spec(loaded, resolve(loaded), against="HEAD")


def test_modules_are_compared_in_the_order_of_the_file_and_conditions_without_one_are_left_out(
    spec: Path,
) -> None:
    swapped = SPEC.replace('"a.py"', '"x.py"').replace('"b.py"', '"a.py"').replace('"x.py"', '"b.py"')
    spec.write_text(f'{swapped}\n[[campaign.conditions]]\nname = "built-in"\n')
    result = proof(spec)
    assert result.reference == "a (b.py)"
    assert [variant.target for variant in result.variants] == ["b", "built-in", "a.py"]


@dataclass(frozen=True)
class Condition:
    label: str
    config: RunConfig


@dataclass(frozen=True)
class Plan:
    """Conditions whose resolved configurations are equal, whatever their modules say."""

    under_test: tuple[str, ...]
    conditions: tuple[Condition, ...] = tuple(Condition(label, RunConfig(condition=label)) for label in "ab")


def test_confound_in_the_sources_outweighs_proven_resolved_conditions(write: Write) -> None:
    root = write(a="config = {'lr': 1, 'n': 1}\n", b="config = {'lr': 2, 'n': 2}\n")
    assert prove_conditions(Plan(("lr", "n")), ["a.py", "b.py"], root).verdict == "proven"
    assert prove_conditions(Plan(("lr",)), ["a.py", "b.py"], root).verdict == "confound"


@pytest.mark.parametrize(("kind", "verdict"), [("confound", "confound"), ("unproven", "unproven")])
def test_combined_result_has_the_worse_verdict(kind: str, verdict: str) -> None:
    bad = VariantResult("b.py", verdict, (Finding(kind, "lr"),))  # type: ignore[arg-type]
    resolved = CheckResult("a", (VariantResult("b", "proven", ()),), ("one",))
    combined = combine_results(resolved, CheckResult("a.py", (bad,), ("one", "two")))
    assert combined.verdict == verdict
    assert combined.assumptions == ("one", "two")
