"""The proof of a campaign file: its resolved conditions and the sources of its modules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from campaign.check.campaign_proof import combine_results, module_conditions, prove_campaign
from campaign.check.findings import CheckResult, Finding, VariantResult
from campaign.errors import UsageError
from campaign.spec.config import RunConfig

from .conftest import Write


@dataclass(frozen=True)
class Condition:
    label: str
    config: RunConfig


@dataclass(frozen=True)
class Plan:
    conditions: tuple[Condition, ...]
    under_test: tuple[str, ...]


def plan(*under_test: str) -> Plan:
    return Plan(tuple(Condition(label, RunConfig(condition=label)) for label in ("a", "b")), under_test)


def spec(root: Path) -> Path:
    path = root / "campaign.toml"
    path.write_text('[campaign]\nconditions = [{module = "a.py"}, {module = "b.py"}, "built-in"]\n')
    return path


def test_modules_of_a_campaign_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    assert module_conditions(spec(tmp_path)) == ["a.py", "b.py"]


def test_field_that_only_the_campaign_file_declares_is_left_out_of_the_sources(write: Write) -> None:
    root = write(a="config = {'lr': 1}\n", b="config = {'lr': 2}\n")
    assert prove_campaign(plan("lr", "algorithm.advantage_mode"), spec(root), root).verdict == "proven"


def test_label_that_no_module_has_is_an_error(write: Write) -> None:
    root = write(a="config = {'lr': 1}\n", b="config = {'lr': 2}\n")
    with pytest.raises(UsageError, match="no field matches 'tag'"):
        prove_campaign(plan("lr"), spec(root), root, given={"labels": ("tag",)})


def test_confound_in_the_sources_outweighs_proven_resolved_conditions(write: Write) -> None:
    root = write(a="config = {'lr': 1, 'n': 1}\n", b="config = {'lr': 2, 'n': 2}\n")
    assert prove_campaign(plan("lr"), spec(root), root).verdict == "confound"


@pytest.mark.parametrize(("kind", "verdict"), [("confound", "confound"), ("unproven", "unproven")])
def test_combined_result_has_the_worse_verdict(kind: str, verdict: str) -> None:
    bad = VariantResult("b.py", verdict, (Finding(kind, "lr"),))  # type: ignore[arg-type]
    resolved = CheckResult("a", (VariantResult("b", "proven", ()),), ("one",))
    combined = combine_results(resolved, CheckResult("a.py", (bad,), ("one", "two")))
    assert combined.verdict == verdict
    assert combined.assumptions == ("one", "two")
