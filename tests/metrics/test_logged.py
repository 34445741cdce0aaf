"""Nothing is logged that the schema does not know."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from campaign.folder.json_lines import read_jsonl
from campaign.metrics.definitions import unknown
from campaign.spec.config import RunConfig

pytest.importorskip("campaign.core.trainer")

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "kl_and_clipping": {"algorithm": {"kl_coef": 0.1}, "training": {"updates_per_batch": 2}},
    "sepa_and_lora": {"algorithm": {"transform_mode": "gtpo_sepa"}, "model": {"lora_rank": 2}},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_core_logs_only_metrics_of_the_schema(tmp_path: Path, name: str) -> None:
    variant = VARIANTS[name]
    training = {
        "max_steps": 2,
        "batch_size": 4,
        "group_size": 2,
        "eval_size": 2,
        **variant.get("training", {}),
    }
    document = {"campaign": "c", "condition": name, **variant, "training": training}
    config = RunConfig.model_validate_json(json.dumps(document))
    path = tmp_path / "config.toml"
    path.write_text(tomli_w.dumps(config.model_dump(mode="json", exclude_none=True)))
    command = [sys.executable, "-m", "campaign.core", str(path), "--out", str(tmp_path / "out")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(command, env=environment, check=True, timeout=300)
    rows = list(read_jsonl(tmp_path / "out" / "metrics.jsonl"))
    assert len(rows) == 2
    assert unknown(name for row in rows for name in row) == []
