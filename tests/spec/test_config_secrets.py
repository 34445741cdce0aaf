"""Secrets in resolved conditions are refused before anything is written: from modules, and from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaign.errors import SpecError
from campaign.folder.paths import CampaignPaths
from campaign.spec.config_secrets import refuse_secrets
from campaign.spec.load import load
from campaign.submission import SubmitOptions, open_submission

MODULES = '[campaign]\nseeds = [1]\n[core]\ncommand = ["true"]\n' + "".join(
    f'[[campaign.conditions]]\nmodule = "{name}.py"\n' for name in "ab"
)
TOKEN = "hf_" + "a" * 20


def written(folder: Path, text: str, **modules: str) -> Path:
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source)
    (folder / "c.toml").write_text(text)
    return folder / "c.toml"


def test_a_secret_in_a_condition_module_is_refused_and_not_repeated(tmp_path: Path) -> None:
    source = f"config = {{'core.options.x': %d, 'core.options.y': ['{TOKEN}'], 'core.options.password': 'hunter2'}}\n"
    path = written(tmp_path, MODULES, a=source % 1, b=source % 2)
    paths = CampaignPaths(tmp_path / "folder")
    with pytest.raises(SpecError) as caught:
        open_submission(load(path), paths, SubmitOptions(backend="local"))
    message = str(caught.value)
    assert "core.options.y[0]: this looks like a Hugging Face token" in message
    assert "core.options.password: this looks like a secret, because of its name" in message
    assert TOKEN not in message
    assert "hunter2" not in message
    assert not paths.plan.exists()


def test_the_value_of_a_secret_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[campaign]\nseeds = [1]\n[core]\ncommand = ["curl", "-H", "X: open-sesame-1234"]\n'
    path = written(tmp_path, text)
    monkeypatch.setenv("MY_PASSWORD", "open-sesame-1234")
    with pytest.raises(SpecError, match=r"core.command\[2\]: .*the environment variable MY_PASSWORD"):
        open_submission(load(path), CampaignPaths(tmp_path / "folder"), SubmitOptions(backend="local"))


@pytest.mark.parametrize("environment", [{"MY_PASSWORD": "embedded"}, {"MAX_TOKENS": "open-sesame-1234"}, {}])
def test_an_ordinary_word_is_no_secret(tmp_path: Path, environment: dict[str, str]) -> None:
    path = written(tmp_path, '[campaign]\nseeds = [1]\n[core.options]\nx = "open-sesame-1234 embedded"\n')
    refuse_secrets(load(path).conditions, path, environment)
