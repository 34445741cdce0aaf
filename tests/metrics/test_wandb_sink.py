"""The settings of the W&B sink; `test_mirror.py` has what it records."""

from __future__ import annotations

from typing import Any

import pytest

from campaign.metrics.wandb_sink import wandb_mode
from campaign.spec.config import LoggingSection


@pytest.mark.parametrize(
    ("asked", "environment", "mode"),
    [
        ("auto", {}, "auto"),
        ("auto", {"WANDB_MODE": "offline"}, "offline"),
        ("auto", {"WANDB_MODE": "nonsense"}, "auto"),
        ("online", {}, "online"),
        ("online", {"WANDB_MODE": "offline"}, "online"),
    ],
)
def test_the_spec_says_how_to_mirror_and_auto_lets_the_environment_say(
    asked: Any, environment: dict[str, str], mode: str
) -> None:
    assert wandb_mode(LoggingSection(wandb_mode=asked), environment) == mode
