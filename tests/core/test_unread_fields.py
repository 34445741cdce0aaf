"""The table of fields that a run does not read, against the core: changing all of them changes no row."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from campaign.core.credit import AlgorithmContext
from campaign.core.stopping import StopRequest
from campaign.core.trainer import Trainer
from campaign.folder.json_lines import read_jsonl
from campaign.folder.paths import AttemptPaths
from campaign.spec.config import RunConfig
from campaign.spec.fields import fields
from campaign.spec.unread_fields import ALWAYS_READ, rules_of, why_unread
from tests.core.core_process import merged, run_config, timeless

SHORT = {"training": {"max_steps": 3, "batch_size": 4, "group_size": 4, "eval_every": 2, "eval_size": 4}}
NO_GATE = {"correct_rate_gate": 0.0, "delay_steps": 0, "steps": 4}


def every_token_alike(context: AlgorithmContext) -> Tensor:
    """An algorithm of a user."""
    return context.rewards.flatten()[:, None] - context.rewards.mean() + 0 * context.mask


CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "gtpo": {"algorithm": {"transform_mode": "gtpo"}},
    "hicra": {"algorithm": {"transform_mode": "gtpo_hicra"}, "training": {"eval_every": 0}},
    "sepa": {"algorithm": {"transform_mode": "gtpo_sepa"}, "sepa": NO_GATE},
    "auto": {"algorithm": {"transform_mode": "gtpo_sepa"}, "sepa": {**NO_GATE, "schedule": "auto"}},
    "kl_and_clipping": {"algorithm": {"kl_coef": 0.1}, "training": {"updates_per_batch": 2}},
    "lora": {"model": {"lora_rank": 2}},
    "algorithm": {"algorithm": {"algorithm_mode": "tests.core.test_unread_fields.every_token_alike"}},
    "own_data": {"data": {"path": "PROBLEMS"}},
}
OTHER_VALUES: dict[str, Any] = {
    "core.options": {"x": 1},
    "core.metrics": ["x"],
    "model.revision": "0123456",
    "model.lora_alpha": 7.0,
    "model.lora_targets": ["q_proj"],
    "data.sources": ["sort"],
    "data.level": 1,
    "data.eval_path": "PROBLEMS",
    "data.eval_path_sha256": "0" * 64,
    "training.clip_ratio": 0.01,
    "training.eval_every": 1,
    "training.eval_size": 2,
    "algorithm.advantage_mode": "maxrl",
    "algorithm.transform_mode": "gtpo",
    "algorithm.uncertainty_kind": "surprisal",
    "algorithm.params": {"x": 1},
    "algorithm.advantage_params": {"x": 1},
    "algorithm.transform_params": {"x": 1},
    "algorithm.kl_warmup_steps": 5,
    "gtpo.beta": 0.9,
    "hicra.alpha": 0.9,
    "sepa.steps": 2,
    "sepa.schedule": "auto",
    "sepa.delay_steps": 1,
    "sepa.correct_rate_gate": 1.0,
    "sepa.ema_decay": 0.1,
    "sepa.threshold": 3.0,
    "sepa.warmup_steps": 1,
    "squeeze.min_variance_retention": 0.5,
    "squeeze.target_ranks": [1],
    "logging.wandb_entity": "x",
    "logging.wandb_mode": "offline",
    "logging.wandb_tags": ["x"],
    "ray.address": "localhost:1",
    "ray.num_cpus": 3,
    "ray.num_gpus": 0,
}


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "problems.jsonl"
    path.write_text("".join(f'{{"prompt": "add {n} 2", "answer": "{n + 2}"}}\n' for n in range(10, 30)))
    return path


def config_of(changes: Mapping[str, Any], problems: Path) -> RunConfig:
    document = merged(SHORT, changes)
    data = {
        name: str(problems) if value == "PROBLEMS" else value
        for name, value in document.get("data", {}).items()
    }
    return run_config(**{**document, "data": data})


def rows(config: RunConfig, folder: Path) -> list[dict[str, Any]]:
    attempt = AttemptPaths(folder)
    assert Trainer(config, attempt, folder, None).run(StopRequest())
    found = [timeless(row) for row in read_jsonl(attempt.metrics)]
    # Lambda is a schedule of its own, whether or not a transform uses it.
    hidden = () if config.uses_sepa else ("sepa_lambda", "sepa_gate_open")
    return [{name: value for name, value in row.items() if name not in (*hidden, "time")} for row in found]


def with_other_values(changes: Mapping[str, Any], paths: list[str]) -> dict[str, Any]:
    document = dict(changes)
    for path in paths:
        section, name = path.split(".")
        document = merged(document, {section: {name: OTHER_VALUES[path]}})
    return document


def test_every_field_is_in_the_table_or_always_read() -> None:
    for path in fields():
        always = any(fnmatchcase(path, pattern) for pattern in ALWAYS_READ)
        assert bool(rules_of(path)) != always, path


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_fields_that_are_not_read_change_no_row(name: str, problems: Path, tmp_path: Path) -> None:
    changes = CONFIGURATIONS[name]
    config = config_of(changes, problems)
    unread = [path for path in fields() if why_unread(config, path)]
    assert unread
    changed = config_of(with_other_values(changes, unread), problems)
    assert rows(changed, tmp_path / "changed") == rows(config, tmp_path / "base")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("plain", "data.sources"),
        ("plain", "data.level"),
        ("plain", "training.eval_size"),
        ("plain", "algorithm.advantage_mode"),
        ("plain", "algorithm.transform_mode"),
        ("gtpo", "algorithm.uncertainty_kind"),
        ("gtpo", "gtpo.beta"),
        ("hicra", "hicra.alpha"),
        ("sepa", "sepa.steps"),
        ("sepa", "sepa.delay_steps"),
        ("sepa", "sepa.correct_rate_gate"),
        ("auto", "sepa.threshold"),
        ("auto", "sepa.warmup_steps"),
        ("kl_and_clipping", "training.clip_ratio"),
        ("kl_and_clipping", "algorithm.kl_warmup_steps"),
        ("lora", "model.lora_alpha"),
        ("lora", "model.lora_targets"),
    ],
)
def test_a_field_that_is_read_changes_some_row(name: str, path: str, problems: Path, tmp_path: Path) -> None:
    changes = merged(
        {"sepa": {"warmup_steps": 2, "threshold": 4.0}} if name == "auto" else {}, CONFIGURATIONS[name]
    )
    changes = merged(changes, {"training": {"lr": 0.01}})
    config = config_of(changes, problems)
    assert not why_unread(config, path)
    changed = config_of(with_other_values(changes, [path]), problems)
    assert rows(changed, tmp_path / "changed") != rows(config, tmp_path / "base")
