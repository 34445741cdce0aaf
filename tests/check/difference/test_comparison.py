"""What the comparison of two trees takes for equal."""

from __future__ import annotations

import pytest

from tests.check.conftest import Check


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


def test_effect_on_an_object_outside_the_configuration_counts(check: Check) -> None:
    text = "import fw\nd = {'lr': 1}\nfw.register(d)\nconfig = {'f': lambda: d, 'x': 1}\n"
    assert check(text, text).verdict == "proven"
    assert check(text, text.replace("'lr': 1", "'lr': 2"), under_test=("f",)).verdict == "unproven"


CLASS = "class C:\n    x = 1\n    def __init__(self): self.x = 5\n"
METHOD = "    def read(self): return C.x\n"


@pytest.mark.parametrize("config", ["[C(), C]", "[C, C()]", "{'a': C(), 'b': [C]}"])
def test_default_that_an_instance_overrides_still_counts_for_the_class(check: Check, config: str) -> None:
    text = f"{CLASS}config = {config}\n"
    assert check(text, text).verdict == "proven"
    assert check(text, text.replace("x = 1", "x = 2")).verdict == "confound"


def test_default_that_a_method_reads_through_the_class_counts(check: Check) -> None:
    text = f"{CLASS}{METHOD}config = C()\n"
    assert check(text, text).verdict == "proven"
    assert check(text, text.replace("x = 1", "x = 2")).verdict == "confound"


def test_default_that_only_the_instance_overrides_is_cosmetic(check: Check) -> None:
    text = f"{CLASS}config = C()\n"
    result = check(text, text.replace("x = 1", "x = 2"))
    assert result.verdict == "proven"
    assert {found.kind for found in result.variants[0].findings} == {"cosmetic"}


def test_function_that_reads_a_changed_module_is_a_confound(check: Check) -> None:
    text = "import _base\n_base.x = 1\ndef f(): return _base.x\nconfig = {'f': f}\n"
    files = {"_base": "x = 0\ndef g(): return x\n"}
    assert check(text, text, files).verdict == "proven"
    assert check(text, text.replace("x = 1", "x = 2"), files).verdict == "confound"


def test_cyclic_configuration_is_compared_to_its_end(check: Check) -> None:
    text = "a = {'lr': 1}\nb = {'a': a, 'n': 2}\na['b'] = b\nconfig = a\n"
    assert check(text, text).verdict == "proven"
    assert check(text, text.replace("'n': 2", "'n': 3")).verdict == "confound"


def test_object_in_a_cycle_is_compared_again_at_its_second_path(check: Check) -> None:
    """What was equal only under the assumption that the enclosing object is equal must not be remembered."""
    text = "a = {}\nb = {'a': a}\na['b'] = b\na['lr'] = 1\nconfig = {'a': a, 'b': b}\n"
    result = check(text, text.replace("= 1", "= 2"))
    assert {found.path for found in result.variants[0].findings} == {"a.lr", "b.a.lr"}


def test_keys_that_are_only_known_at_run_time_are_matched_by_their_expression(check: Check) -> None:
    text = "import fw\nconfig = {fw.key(1): 'x'}\n"
    assert check(text, text).verdict == "proven"
    assert check(text, text.replace("key(1)", "key(2)")).verdict != "proven"


def test_every_unproven_finding_names_an_edit(check: Check) -> None:
    for variant in (
        "import fw\nconfig = fw.f()\n",
        "config = {}.keys()\n",
        "config = 1 / 0\n",
        "config = (\n",
    ):
        for found in check("import fw\nconfig = fw.g()\n", variant).variants[0].findings:
            assert found.kind != "unproven" or found.suggestion, found
