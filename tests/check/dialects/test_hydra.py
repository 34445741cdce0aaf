"""Structured configs in Hydra's `ConfigStore`: what is proven, what is a confound, what is refused."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from campaign.check import Declaration, dump, prove
from tests.check.conftest import Check

from . import hydra_stub

HEAD = """
from dataclasses import dataclass, field
from typing import Any
import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

@dataclass
class Adam:
    lr: float = 0.001
    betas: tuple[float, float] = (0.9, 0.95)

@dataclass
class Config:
    seed: int = 1
    run: str = MISSING
    optim: Adam = field(default_factory=Adam)

cs = ConfigStore.instance()
"""
MAIN = """
@hydra.main(version_base=None, config_name="config")
def main(cfg):
    print(cfg)
"""
STORED = {
    "a dataclass": "cs.store(name='config', node=Config)",
    "an instance": "cs.store(name='config', node=Config(seed=2, optim=Adam(lr=0.01)))",
    "groups": "cs.store(name='config', node=Config)\ncs.store(group='optim', name='adam', node=Adam)\n"
    "cs.store(group='optim/slow', name='adam.yaml', node=Adam(lr=1e-5))",
    "a dict": "cs.store('config', {'a': [1, (2, 3)], 'b': {'c': None}})",
    "stored twice": "cs.store(name='config', node=Config)\nConfigStore.instance().store(name='config', node=Adam)",
    "changed after it was stored": "mine = Config()\ncs.store(name='config', node=mine)\nmine.seed = 9",
    "a dataclass without its __post_init__": "@dataclass\nclass Late:\n    x: int = 1\n"
    "    def __post_init__(self):\n        self.x = 5\ncs.store(name='a', node=Late)\ncs.store(name='b', node=Late())",
    "an int in a float field": "cs.store(name='config', node=Adam(lr=1))",
    "an attribute that is not a field": "mine = Config()\nmine.extra = 3\ncs.store(name='config', node=mine)",
}


@pytest.fixture(params=["stub", "hydra"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """`hydra.core.config_store` with an empty store: our stand-in, and the real one where it is installed."""
    if request.param == "stub":
        for name, module in hydra_stub.modules().items():
            monkeypatch.setitem(sys.modules, name, module)
        return sys.modules["hydra.core.config_store"]
    real = pytest.importorskip("hydra.core.config_store")
    monkeypatch.setattr(real.ConfigStore.instance(), "repo", {})
    return real


@pytest.mark.parametrize("stored", STORED)
def test_stored_configs_are_what_hydra_stores(stored: str, library: Any, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(HEAD + STORED[stored])
    spec = importlib.util.spec_from_file_location("hydra_app", tmp_path / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hydra_app"] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["hydra_app"]
    expected = hydra_stub.plain(library.ConfigStore.instance().repo)
    assert _plain(dump("app.py", tmp_path, "hydra")) == expected


def _plain(form: Any) -> Any:
    """A dumped tree as plain containers."""
    if isinstance(form, list):
        return [_plain(item) for item in form]
    if not isinstance(form, dict):
        return form
    if "$names" in form:
        return {name: _plain(item) for name, item in form["$names"].items()}
    if "$object" in form:
        return {name: _plain(item) for name, item in form["fields"].items()}
    if "$dict" in form:
        return {_plain(key): _plain(item) for key, item in form["$dict"]}
    (kind, text), *_ = form.items()
    return {"$int": int, "$float": float}[kind](text)


def test_other_learning_rate_of_a_stored_group_is_proven(check: Check) -> None:
    text = (
        HEAD
        + "cs.store(name='config', node=Config)\ncs.store(group='optim', name='adam', node=Adam(lr={}))"
        + MAIN
    )
    result = check(text.format(0.1), text.format(0.2), entry="hydra", under_test=("optim.adam.lr",))
    assert result.verdict == "proven"


def test_type_and_field_name_a_stored_config(check: Check) -> None:
    text = HEAD + "cs.store(name='config', node=Config(optim=Adam(lr={})))"
    result = check(text.format(0.1), text.format(0.2), entry="hydra", under_test=("Adam.lr",))
    assert result.verdict == "proven"


@pytest.mark.parametrize(
    ("reference", "variant"),
    [
        ("cs.store(name='config', node=Config)", "cs.store(name='config', node=Config(seed=2))"),
        ("cs.store(name='config', node=Config)", "cs.store(name='other', node=Config)"),
        ("cs.store(name='a', node=Adam)", "cs.store(name='a', node=Adam)\ncs.store(name='b', node=Adam)"),
        ("cs.store(name='a', node=Adam, package='_global_')", "cs.store(name='a', node=Adam, package='x')"),
        ("cs.store(name='a', node=Adam, package='_global_')", "cs.store(name='a', node=Adam)"),
        ("cs.store(name='a', group='g', node=Adam)", "cs.store(name='a', group='h', node=Adam)"),
        ("cs.store('a', {'x': 1})", "cs.store('a', {'x': 1.0})"),
    ],
)
def test_undeclared_difference_between_stores_is_a_confound(
    reference: str, variant: str, check: Check
) -> None:
    assert check(HEAD + reference, HEAD + variant, entry="hydra").verdict == "confound"


@pytest.mark.parametrize(
    "stored",
    [
        "@dataclass\nclass Rate:\n    lr: {} = 1\ncs.store(name='rate', node=Rate)",
        "Kind = {}\n@dataclass\nclass Rate:\n    lr: Kind = 1\ncs.store(name='rate', node=Rate)",
    ],
)
def test_annotation_that_converts_the_value_is_never_ignored(stored: str, check: Check) -> None:
    text = HEAD + stored
    assert check(text.format("int"), text.format("int"), entry="hydra").verdict == "proven"
    assert check(text.format("int"), text.format("float"), entry="hydra").verdict != "proven"


def test_other_config_name_of_the_application_is_never_ignored(check: Check) -> None:
    stored = "cs.store(name='config', node=Config)\ncs.store(name='other', node=Adam)"
    other = MAIN.replace('"config"', '"other"')
    assert check(HEAD + stored + MAIN, HEAD + stored + other, entry="hydra").verdict != "proven"


def test_store_is_still_compared_as_an_effect_under_another_entry(check: Check) -> None:
    text = HEAD + "cs.store(name='config', node={{'seed': {}}})\nconfig = 1"
    assert check(text.format(1), text.format(1), entry="names:config").verdict == "proven"
    assert check(text.format(1), text.format(2), entry="names:config").verdict != "proven"


REFUSED = {
    "cs.store('config', {'defaults': ['base'], 'x': 1})": "`defaults` list of config 'config'",
    "@dataclass\nclass Top:\n    defaults: list = field(default_factory=list)\ncs.store('top', Top)": "`defaults` list",
    "cs.store('a', Adam)\n@hydra.main(version_base=None, config_path='conf')\ndef main(cfg): ...": "YAML files",
    "cs.store('a', Adam)\n@hydra.main(config_name='a')\ndef main(cfg): ...": "YAML files",
    "cs.store('a', Adam)\ncfg = hydra.compose('a', overrides=['lr=1'])": "hydra.compose()",
    "cs.store('a', Adam)\nwith hydra.initialize(config_path='conf'):\n    pass": "hydra.initialize()",
    "cs.store('a', Adam)\nhydra.initialize_config_dir('conf')": "hydra.initialize_config_dir()",
    "class Bare: pass\ncs.store('a', Bare())": "not a dataclass",
    "cs.store('a', {'f': print})": "no such node",
    "cs.store('a', 3)": "neither a dataclass nor a dict",
    "cs.store('a', {'x': '${lr}'}, group='g')": "`${...}` beside groups",
    "cs.store('g', Adam)\ncs.store('a', Adam, group='g')": "a config has that name",
    "cs.store('a', Adam, group='g')\ncs.store('g', {'x': 1})": "a group has that name",
    "import os\ncs.store(os.environ['NAME'], Adam)": "only known at run time",
    "names = cs.list('')\ncs.store('a', {'names': names})": "ConfigStore.list",
    "import framework\nframework.register(cs)\ncs.store('a', Adam)": "framework.register",
    "import copy\ncopy.deepcopy(cs).store('a', Adam)": "deep copy",
    "x = 1": "stores nothing",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_composing_would_change_is_refused_with_an_edit(text: str, tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(HEAD + text)
    result = prove(Declaration("a.py", ("b.py",), "hydra"), tmp_path)
    assert result.verdict == "unproven"
    finding = result.variants[0].findings[0]
    assert REFUSED[text] in finding.message
    assert finding.suggestion
