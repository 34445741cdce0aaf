"""The proof that a campaign file asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from campaign.check.campaign_proof import combine_results, proof_sentence, prove_conditions, prove_spec
from campaign.check.findings import CheckResult, Finding, VariantResult
from campaign.errors import UsageError
from campaign.spec.config import RunConfig
from campaign.spec.load import load
from campaign.spec.resolve import resolve

from .conftest import Write

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
    sentence = proof_sentence(result)
    assert sentence == "CONFOUND: the conditions also differ in training.lr, outside the fields under test"


def test_check_table_that_names_files_is_proven_instead_of_the_conditions(spec: Path) -> None:
    spec.write_text(
        SPEC + '\n[check]\nvariants = ["a.py", "b.py"]\nunder_test = ["algorithm.advantage_mode"]\n'
    )
    result = proof(spec)
    assert (result.reference, result.verdict) == ("a.py", "proven")


def test_paths_of_the_check_table_are_relative_to_the_spec(
    spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec.write_text(
        SPEC + '\n[check]\nvariants = ["a.py", "b.py"]\nunder_test = ["algorithm.advantage_mode"]\n'
    )
    folder = spec.parent / "sub"
    folder.mkdir()
    monkeypatch.chdir(spec.parent.parent)
    assert proof(spec).reference == f"{spec.parent.name}/a.py"
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
