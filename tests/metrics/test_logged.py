"""The schema and the core agree: every logged metric is defined, and every defined metric is logged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from campaign.folder.json_lines import read_jsonl
from campaign.metrics.definitions import METRICS, lookup, unknown
from campaign.spec.config import RunConfig

pytest.importorskip("campaign.core.trainer")

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "kl_and_clipping": {"algorithm": {"kl_coef": 0.1}, "training": {"updates_per_batch": 2}},
    "sepa_and_lora": {"algorithm": {"transform_mode": "gtpo_sepa"}, "model": {"lora_rank": 2}},
}
"""Configurations that together log every metric: some occur only with a KL term or with several updates."""


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The names that a run of each configuration logged, from a real run of the core."""
    return {
        name: _logged_names(tmp_path_factory.mktemp(name), name, fields)
        for name, fields in CONFIGURATIONS.items()
    }


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_core_logs_only_metrics_of_the_schema(logged: dict[str, set[str]], name: str) -> None:
    assert unknown(logged[name]) == []


def test_every_metric_of_the_schema_is_logged_by_some_configuration(logged: dict[str, set[str]]) -> None:
    found = {lookup(name) for names in logged.values() for name in names}
    assert [metric.name for metric in METRICS if metric not in found] == []


def _logged_names(folder: Path, name: str, fields: Mapping[str, Any]) -> set[str]:
    training = {
        "max_steps": 2, "batch_size": 4, "group_size": 2, "eval_size": 2, **fields.get("training", {}),
    }  # fmt: skip
    document = {"campaign": "c", "condition": name, **fields, "training": training}
    config = RunConfig.model_validate_json(json.dumps(document))
    path = folder / "config.toml"
    path.write_text(tomli_w.dumps(config.model_dump(mode="json", exclude_none=True)))
    command = [sys.executable, "-m", "campaign.core", str(path), "--out", str(folder / "out")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(command, env=environment, check=True, timeout=300)
    rows = list(read_jsonl(folder / "out" / "metrics.jsonl"))
    assert len(rows) == 2
    return {metric for row in rows for metric in row}
