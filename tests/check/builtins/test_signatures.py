"""Calls that Python refuses: a configuration that makes one has no value, so it is never proven."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaign.check import Declaration, dump, prove

REFUSED = [
    "{2}.symmetric_difference('a', 'b')",
    "[3, 1].reverse(1)",
    "[1].append(1, 2)",
    "[framework()].copy(1)",
    "list.sort([2, 1], None, True)",
    "list.append((1,), 2)",
    "dict.fromkeys([1], 2, 3)",
    "{}.update([3])",
    "{'a': framework()}.keys(1)",
    "enumerate([1], 1, start=2)",
    "sum([1], start=0, key=1)",
    "max(default=4)",
    "min([framework()], framework=1)",
    "len([framework()], 1)",
    "frozenset({1}, {2})",
    "isinstance(1)",
    "str.count(b'ab', b'a')",
    "range.count([1], 1)",
    "set().union(3)",
]
PYTHON_HAS = ["__annotations__", "copyright", "__spec__"]


def _write(root: Path, name: str, text: str) -> str:
    (root / name).write_text(f"from framework import framework\n{text}\n")
    return name


@pytest.mark.parametrize("call", REFUSED)
def test_call_that_python_refuses_has_no_value(call: str, tmp_path: Path) -> None:
    target = _write(tmp_path, "p.py", f"config = [{call}]")
    tree = dump(target, tmp_path, "names:config")
    assert isinstance(tree, dict)
    assert "$unknown" in tree


@pytest.mark.parametrize("call", REFUSED)
def test_call_that_python_refuses_in_one_file_is_not_proven(call: str, tmp_path: Path) -> None:
    reference = _write(tmp_path, "a.py", "config = 1")
    variant = _write(tmp_path, "b.py", f"{call}\nconfig = 1")
    result = prove(Declaration(reference, (variant,), "names:config"), tmp_path)
    assert result.verdict == "unproven"


@pytest.mark.parametrize("name", PYTHON_HAS)
def test_unmodelled_builtin_name_is_not_a_name_error(name: str, tmp_path: Path) -> None:
    text = f"try:\n    config = [{name}]\nexcept NameError:\n    config = 'missing'"
    tree = dump(_write(tmp_path, "p.py", text), tmp_path, "names:config")
    assert isinstance(tree, dict)
    assert "$unknown" in tree


@pytest.mark.parametrize(
    "text",
    [
        "x = 'name' in globals()\nimport os\nconfig = os.environ.get('N', 'x') in globals()",
        "import os\nconfig = 1\nglobals()[os.environ.get('N', 'config')] = 2",
        "config = '__spec__' in globals()",
    ],
)
def test_name_of_the_module_only_known_at_run_time_has_no_value(text: str, tmp_path: Path) -> None:
    tree = dump(_write(tmp_path, "p.py", text), tmp_path, "names:config")
    assert isinstance(tree, dict)
    assert "$unknown" in tree
