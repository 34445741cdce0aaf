"""ml_collections' `ConfigDict` while it is locked, held against the stand-in that the oracle runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from campaign.check import dump
from tests.check.oracle.execution import ENVIRONMENTS, evaluated

HEAD = "from ml_collections import ConfigDict\nc = ConfigDict({'a': {'x': 1}, 'b': 1.0})\nc.lock()\n"
TRIES = "def tried(key):\n    try:\n        c[key] = 1\n    except KeyError:\n        return 'locked'\n    return 'set'\n"
PROGRAMS = [
    "with c.unlocked():\n    c.new = 2\n    c.a.y = 3\nconfig = [c.new, c.a.y]",
    TRIES + "with c.unlocked():\n    inside = tried('new')\nconfig = [inside, tried('other')]",
    TRIES + "c.unlock()\nwith c.unlocked():\n    pass\nconfig = tried('other')",
    TRIES + "c.unlocked()\nconfig = tried('other')",
    TRIES
    + "try:\n    with c.unlocked():\n        raise ValueError\nexcept ValueError:\n    config = tried('other')",
    "with c.unlocked() as same:\n    same.new = 2\nconfig = c.new",
    "c.b = 2\nconfig = c.b",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_locked_config_is_what_running_it_gives(program: str, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(HEAD + program + "\n")
    expected = evaluated({"p.py": HEAD + program + "\n"}, "p.py", "names:config", ENVIRONMENTS[0])
    assert _plain(dump("p.py", tmp_path, "names:config")) == expected


def _plain(form: Any) -> Any:
    if isinstance(form, list):
        return [_plain(item) for item in form]
    if isinstance(form, dict):
        (kind, text), *_ = form.items()
        return {"$int": int, "$float": float}[kind](text)
    return form


@pytest.mark.parametrize("name", ["is_locked", "to_yaml()", "get_ref('b')", "copy_and_resolve_references()"])
def test_attribute_without_a_model_is_refused_and_no_attribute_error(name: str, tmp_path: Path) -> None:
    text = f"{HEAD}try:\n    config = c.{name}\nexcept AttributeError:\n    config = 'missing'\n"
    (tmp_path / "p.py").write_text(text)
    assert "not modelled" in str(dump("p.py", tmp_path, "names:config"))
