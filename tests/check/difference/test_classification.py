"""Declared, derived and undeclared differences."""

from __future__ import annotations

from campaign.check import CheckResult
from tests.check.conftest import Check

A = "from fw import Trainer, Reward\nGAMMA = 0.99\nconfig = Trainer(lr=1e-3, reward=Reward(gamma=GAMMA), steps=10)\n"


def kinds(result: CheckResult) -> set[tuple[str, str]]:
    return {(found.kind, found.path) for found in result.variants[0].findings}


def test_field_under_test_differs_is_proven(check: Check) -> None:
    result = check(A, A.replace("0.99", "0.9"), under_test=("Reward.gamma",))
    assert result.verdict == "proven"
    assert kinds(result) == {("under_test", "reward.gamma")}


def test_undeclared_field_differs_is_a_confound_with_both_places(check: Check) -> None:
    result = check(A, A.replace("lr=1e-3", "lr=2e-3"))
    (found,) = result.variants[0].findings
    assert (found.kind, found.path, found.detail) == ("confound", "lr", "value")
    assert str(found.reference_place) == "a.py:3:21"
    assert str(found.variant_place) == "b.py:3:21"


def test_constant_that_two_fields_share_taints_the_second(check: Check) -> None:
    shared = A.replace("steps=10", "steps=GAMMA * 100")
    result = check(shared, shared.replace("0.99", "0.5"), under_test=("reward.gamma",))
    (found,) = [found for found in result.variants[0].findings if found.kind == "confound"]
    assert found.tainted_by == ("reward.gamma",)


def test_derived_field_is_listed_when_it_follows_from_the_field_under_test(check: Check) -> None:
    shared = A.replace("steps=10", "steps=GAMMA * 100")
    declared = {"under_test": ("reward.gamma",), "derived_ok": ("steps",)}
    assert check(shared, shared.replace("0.99", "0.5"), **declared).verdict == "proven"
    both = shared.replace("0.99", "0.5").replace("* 100", "* 200")
    assert check(shared, both, **declared).verdict == "confound"


def test_value_that_derives_from_the_file_name_is_a_label(check: Check) -> None:
    text = (
        "from pathlib import Path\nname = Path(__file__).stem\nconfig = {'name': f'runs/{name}', 'lr': 1}\n"
    )
    assert kinds(check(text, text)) == {("label", "name")}


def test_file_name_that_decides_a_number_is_a_confound(check: Check) -> None:
    text = "config = {'lr': 1 if __file__.endswith('a.py') else 2}\n"
    assert check(text, text).verdict == "confound"
