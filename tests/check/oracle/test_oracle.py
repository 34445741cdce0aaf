"""The oracle itself: it separates what is known to differ and nothing else."""

from __future__ import annotations

import dataclasses
import random

import pytest

from .cases import load, separations
from .documents import CHANGING as CHANGING_DOCUMENTS
from .edits import EDITS
from .execution import ENVIRONMENTS, execute
from .families import DIALECTS, family
from .frameworks import ConfigDict, merged
from .mutants import Pair, applied, mutant, mutants
from .semantics import QUIRKS
from .tree import differences, snapshot


def _whole(text: str, number: int = 0, **others: str) -> object:
    files = {"a.py": text, **{f"{name}.py": body for name, body in others.items()}}
    return execute(files, "a.py", "names:config", ENVIRONMENTS[number]).whole()


def test_edits_are_many_and_have_different_names() -> None:
    names = [kind.name for kind in EDITS]
    assert len(names) >= 60
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_families_of_every_dialect_run_in_every_environment(dialect: str) -> None:
    for seed in range(6):
        chosen = family(dialect, seed)
        for environment in ENVIRONMENTS:
            outcome = execute(chosen.files, chosen.target, chosen.entry, environment)
            assert not outcome.raised, (seed, environment.name, chosen.text)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_families_are_the_same_for_the_same_seed(dialect: str) -> None:
    assert family(dialect, 3) == family(dialect, 3)
    assert len({family(dialect, seed).text for seed in range(8)}) > 3


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_variant_that_differs_in_the_field_under_test_only_is_not_separated(dialect: str) -> None:
    for seed in range(4):
        chosen = family(dialect, seed)
        pair = Pair(chosen, chosen.text, (), ())
        assert pair.variant_text != chosen.text
        assert pair.separated == []


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_field_under_test_is_where_the_family_says(dialect: str) -> None:
    chosen = family(dialect, 1)
    pair = Pair(chosen, chosen.text, (), ())
    undeclared = Pair(dataclasses.replace(chosen, allowed=(), derived_paths=()), chosen.text, (), ())
    assert pair.separated == []
    assert {path for _, path in undeclared.separated} >= {chosen.allowed[0]}


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.name)
def test_careless_answers_differ_from_what_python_gives(quirk: object) -> None:
    assert quirk.careless  # type: ignore[attr-defined]
    assert quirk.result not in quirk.careless  # type: ignore[attr-defined]


def test_edits_meant_to_preserve_are_hardly_ever_separated_and_the_others_mostly_are() -> None:
    """What an edit intends is a belief; where running it disagrees too often, the table of edits is wrong."""
    separated = {"preserving": 0, "changing": 0}
    made = {"preserving": 0, "changing": 0}
    for pair in mutants(500, start=3):
        intent = pair.intents[0]
        if intent in made:
            made[intent] += 1
            separated[intent] += bool(pair.separated)
    assert separated["preserving"] <= 0.01 * made["preserving"]
    assert separated["changing"] >= 0.8 * made["changing"]


def test_document_edits_find_a_place_in_a_document() -> None:
    for kind in CHANGING_DOCUMENTS:
        edit = next(item for item in EDITS if item.name == kind.__name__)
        assert mutant(edit, 0) is not None


def test_edit_leaves_the_field_under_test_alone() -> None:
    for kind in EDITS[::5]:
        pair = mutant(kind, 1)
        if pair is not None:
            assert pair.edited.count("0.40625") >= 1
            assert "0.71875" not in pair.edited


def test_edit_without_a_place_gives_nothing() -> None:
    chosen = family("toml", 0)
    python_only = next(kind for kind in EDITS if kind.name == "walrus")
    assert applied(chosen, python_only, chosen.text, random.Random(0)) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1", "True"),
        ("1", "1.0"),
        ("0.0", "-0.0"),
        ("'a'", "b'a'"),
        ("[1]", "(1,)"),
        ("{1}", "frozenset({1})"),
        ("{'a': 1}", "{'a': 1, 'b': None}"),
        ("{1: 0}", "{'1': 0}"),
        ("[1, 2]", "[2, 1]"),
        ("lambda: 1", "lambda: 2"),
        ("lambda x=1: x", "lambda x=2: x"),
        ("int", "float"),
        ("float('nan')", "0.0"),
        ("iter([])", "iter([])"),
    ],
)
def test_values_that_differ_give_different_trees(left: str, right: str) -> None:
    assert _whole(f"config = {left}") != _whole(f"config = {right}")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("{'a': 1, 'b': 2}", "dict(b=2, a=1)"),
        ("0.001", "1e-3"),
        ("{1, 2}", "{2, 1}"),
        ("lambda x: x + 1", "lambda x: x + 1  # next"),
        ("float('nan')", "float('nan')"),
        ("[[1]] * 2", "[[1], [1]]"),
    ],
)
def test_values_that_agree_give_the_same_tree(left: str, right: str) -> None:
    assert _whole(f"config = {left}") == _whole(f"config = {right}")


def test_framework_object_keeps_keywords_fields_and_effects_in_order() -> None:
    base = "import fw\nconfig = fw.Net(a=1, b=2)\n"
    assert _whole(base) == _whole("import fw\nconfig = fw.Net(b=2, a=1)\n")
    assert _whole(base) != _whole("import fw\nconfig = fw.Net(1, b=2)\n")
    assert _whole(base + "config.a = 3") != _whole(base)
    assert _whole(base + "config.f(1)\nconfig.g(2)") != _whole(base + "config.g(2)\nconfig.f(1)")
    assert _whole(base + "fw.seed(1)") != _whole(base)


def test_framework_that_copies_and_one_that_does_not_are_both_among_the_environments() -> None:
    text = "import fw\nl = [1]\nconfig = fw.Net(l=l)\nl.append(2)\n"
    inline = "import fw\nconfig = fw.Net(l=[1, 2])\n"
    told = [_whole(text, number) == _whole(inline, number) for number in range(len(ENVIRONMENTS))]
    assert True in told
    assert False in told


def test_environment_variables_differ_between_environments() -> None:
    text = "import os\nconfig = os.environ.get('NUM_GPUS')"
    assert len({repr(_whole(text, number)) for number in range(len(ENVIRONMENTS))}) == len(ENVIRONMENTS)


def test_executions_do_not_see_each_other() -> None:
    first = _whole("import _b\n_b.l.append(1)\nconfig = _b.l", _b="l = []")
    assert first == _whole("import _b\n_b.l.append(1)\nconfig = _b.l", _b="l = []")
    _whole("import math, os\nmath.pi = 3\nos.environ['NUM_GPUS'] = '9'\nconfig = 1")
    assert _whole("import math, os\nconfig = [math.pi > 3, os.environ.get('NUM_GPUS')]") == _whole(
        "config = [True, None]"
    )


def test_difference_is_reported_at_its_path() -> None:
    left, right = snapshot({"a": [1, {"b": 2}]}), snapshot({"a": [1, {"b": 3}]})
    assert list(differences(left, right)) == [("a", 1, "b")]


def test_traps_are_separated_by_running_them_unless_no_run_can() -> None:
    traps = {case.name: case for case in load("traps")}
    assert len(traps) >= 60
    found = separations("traps")
    assert [name for name, case in traps.items() if not found[name] and not case.beyond] == []


def test_twins_are_not_separated() -> None:
    assert {name: places for name, places in separations("twins").items() if places} == {}


def test_config_dict_imitates_ml_collections() -> None:
    real = pytest.importorskip("ml_collections")
    for kind in (ConfigDict, real.ConfigDict):
        config = kind({"a": 1.0, "n": {"x": 1, "l": [1]}})
        config.a = 2
        config.n.l = (3, 4)
        config.update({"n": {"y": 2}, "z": 1})
        config.b = config.get_ref("a")
        config.a = 5
        config.lock()
        with pytest.raises(AttributeError):
            config.new = 1
        with pytest.raises(TypeError):
            config.z = "text"
        with config.unlocked():
            config.new = 1
        told = (config.to_dict(), [repr(value) for value in config.n.values()], list(config), "z" in config)
        assert told == (
            {"a": 5.0, "b": 5.0, "n": {"x": 1, "l": [3, 4], "y": 2}, "z": 1, "new": 1},
            ["[3, 4]", "1", "2"],
            ["a", "b", "n", "new", "z"],
            True,
        )


def test_merge_imitates_mmengine() -> None:
    base = {"model": {"a": 1, "b": {"c": 2}}, "l": [1]}
    assert merged({"model": {"b": {"d": 3}}, "l": [2]}, base) == {
        "model": {"a": 1, "b": {"c": 2, "d": 3}},
        "l": [2],
    }
    assert merged({"model": {"_delete_": True, "z": 1}}, base)["model"] == {"z": 1}
    assert base["model"] == {"a": 1, "b": {"c": 2}}
    with pytest.raises(TypeError):
        merged({"l": {"x": 1}}, base)
