"""What a declaration allows, and what it refuses."""

from __future__ import annotations

import pytest

from campaign.check import CheckResult
from campaign.errors import UsageError

from .conftest import Check

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


def test_pattern_without_a_match_is_an_error(check: Check) -> None:
    with pytest.raises(UsageError, match="no field matches 'rewardd'"):
        check(A, A, under_test=("rewardd",))


def test_pattern_that_matches_everything_is_an_error(check: Check) -> None:
    with pytest.raises(UsageError, match="matches every field"):
        check(A, A, under_test=("**",))


def test_type_that_occurs_twice_is_an_error(check: Check) -> None:
    twice = "from fw import R\nconfig = [R(g=1), R(g=2)]\n"
    with pytest.raises(UsageError, match="matches 2 places"):
        check(twice, twice, under_test=("R.g",))


def test_declared_relation_that_is_broken_is_a_confound(check: Check) -> None:
    text = "config = {'group': 8, 'shaping': {'group': 8}}\n"
    broken = text.replace("'shaping': {'group': 8}", "'shaping': {'group': 4}")
    equal = (("group", "shaping.group"),)
    assert check(text, text, equal=equal).verdict == "proven"
    result = check(text, broken, under_test=("shaping.group",), equal=equal)
    assert result.verdict == "confound"


@pytest.mark.parametrize("other", ["1.0", "True", "'1'"])
def test_equal_number_of_another_type_is_a_confound(check: Check, other: str) -> None:
    (found,) = check("config = {'a': 1}\n", f"config = {{'a': {other}}}\n").variants[0].findings
    assert (found.kind, found.detail) == ("confound", "type")


def test_only_a_reordered_dict_is_a_note(check: Check) -> None:
    result = check("config = {'a': 1, 'b': 0.001}\n", "config = dict(b=1e-3, a=1)\n")
    assert result.verdict == "proven"
    assert {found.kind for found in result.variants[0].findings} == {"cosmetic"}


def test_environment_decides_both_sides_alike_is_proven(check: Check) -> None:
    text = "import os\nconfig = {'n': 8 if os.environ.get('BIG') else 1, 'x': 1}\n"
    assert check(text, text).verdict == "proven"
    assert check(text, text.replace("else 1", "else 2")).verdict == "confound"


def test_assertion_on_one_side_only_is_not_proven(check: Check) -> None:
    plain = "import os\nbig = os.environ.get('BIG')\nconfig = {'n': 1}\n"
    asserting = plain.replace("config", "assert big\nconfig")
    assert check(plain, asserting).verdict == "unproven"
    assert check(asserting, asserting).verdict == "proven"
    branching = plain.replace("1}", "1 if big else 2}")
    assert check(asserting, branching).verdict == "unproven"


def test_effect_on_an_object_that_is_no_part_of_the_configuration_counts(check: Check) -> None:
    text = "import fw\nd = {'lr': 1}\nfw.register(d)\nconfig = {'f': lambda: d, 'x': 1}\n"
    assert check(text, text).verdict == "proven"
    assert check(text, text.replace("'lr': 1", "'lr': 2"), under_test=("f",)).verdict == "unproven"
