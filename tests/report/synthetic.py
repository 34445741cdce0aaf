"""Writes a campaign's folder as a finished, a running or a broken campaign leaves it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from campaign.folder.json_lines import JsonlWriter
from campaign.spec.config import RunConfig

SOURCES = ("add", "chain", "modmul", "sort")
TRACES = (
    " let me think first 8 + 6 = 14 then carry 1 then 7 + 8 + 1 = 16 so #### 164",
    " quick guess #### 90",
    " let me think first 8 + 6 = 12 then 7 + 8 = 15 wait let me check 8 + 6 = 14 so #### 164",
    " notice that 78 + 86 is 160 + 4 so #### 164",
)


def make_campaign(
    folder: Path,
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
    seeds: Sequence[int] = (42, 101, 202),
    steps: int = 100,
    *,
    plan: bool = True,
    states: Mapping[str, str] | None = None,
    generations: bool = True,
) -> Path:
    """A campaign in `folder`.

    `conditions`: label -> overrides of `RunConfig` as nested tables. `states`: run id -> `running`, `failed`,
    `pending`, `lost`; the others are done.
    """
    conditions = conditions or {
        "grpo+none": {},
        "grpo+none~kl_coef=0.1": {"algorithm": {"kl_coef": 0.1}},
    }
    folder.mkdir(parents=True)
    configs = {
        label: _config(folder.name, label, overrides, steps) for label, overrides in conditions.items()
    }
    if plan:
        (folder / "plan.json").write_text(json.dumps(_plan(folder.name, configs, conditions, seeds)))
    (folder / "campaign.toml").write_text("[campaign]\nseeds = [42, 101, 202]\n")
    for place, (label, config) in enumerate(configs.items()):
        for seed in seeds:
            run_id = f"{label}_s{seed}"
            state = (states or {}).get(run_id, "done")
            write_run(folder / "runs" / run_id, config, place, seed, steps, state, generations=generations)
    return folder


def write_run(
    root: Path, config: RunConfig, place: int, seed: int, steps: int, state: str, *, generations: bool = True
) -> None:
    root.mkdir(parents=True)
    training = config.training.model_copy(update={"seed": seed})
    run = config.model_copy(update={"training": training})
    (root / "config.toml").write_text(tomli_w.dumps(run.model_dump(mode="json", exclude_none=True)))
    if state == "pending":
        return
    attempt = root / "attempts" / "0001"
    attempt.mkdir(parents=True)
    done = steps if state == "done" else steps // 3
    rows = list(metric_rows(config.condition, place, seed, done, steps))
    target = root if state == "done" else attempt
    with JsonlWriter(target / "metrics.jsonl") as writer:
        for row in rows:
            writer.write(row)
    if generations:
        with JsonlWriter(target / "emergence" / "generations.jsonl") as writer:
            for row in _generations(config.condition, seed, done):
                writer.write(row)
    if state == "done":
        (attempt / "result.json").write_text(json.dumps({"kind": "finished", "number": 1, "exit_code": 0}))
        return
    (root / "metrics.jsonl").symlink_to("attempts/0001/metrics.jsonl")
    (root / "emergence").symlink_to("attempts/0001/emergence")
    if state == "failed":
        failure = {"kind": "failed", "number": 1, "exit_code": 1, "reason": ""}
        failure["traceback"] = (
            "Traceback (most recent call last):\n  ...\nRuntimeError: loss is not finite at step 33"
        )
        (attempt / "result.json").write_text(json.dumps(failure))


def metric_rows(condition: str, place: int, seed: int, done: int, steps: int):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng([seed, place])
    level = 0.72 - 0.11 * place + rng.normal(0, 0.015)
    noise, correct_sum = 0.0, 0.0
    for step in range(done):
        progress = 1 - math.exp(-4 * step / steps)
        noise = 0.6 * noise + rng.normal(0, 0.03)
        correct = float(np.clip(0.25 + (level - 0.25) * progress + noise, 0, 1))
        correct_sum += correct
        entropy = 1.1 - 0.6 * progress + 0.1 * place + rng.normal(0, 0.02)
        row: dict[str, Any] = {
            "step": step,
            "condition": condition,
            "seed": seed,
            "loss": float(rng.normal(0, 0.05)),
            "mean_reward": correct,
            "correct_rate": correct,
            "running_correct_rate": correct_sum / (step + 1),
            "exec_entropy_mean": entropy,
            "exec_entropy_var": 0.4 - 0.25 * progress + float(rng.normal(0, 0.01)),
            "plan_entropy_mean": entropy * 1.4,
            "plan_entropy_var": 0.6 - 0.2 * progress + float(rng.normal(0, 0.02)),
            "sepa_lambda": 0.0,
            "max_token_hit_rate": float(np.clip(rng.normal(0.02, 0.02), 0, 1)),
            "reward_uniform_group_rate": float(np.clip(0.2 + 0.3 * progress + rng.normal(0, 0.05), 0, 1)),
            "kl": 0.08 * progress / (1 + 3 * place) + abs(float(rng.normal(0, 0.004))),
            "grad_norm": 0.6 + abs(float(rng.normal(0, 0.2))),
            "update_norm": 0.05 + abs(float(rng.normal(0, 0.005))),
            "num_datums": 64,
            "completion_length_mean": 18 + 9 * progress + float(rng.normal(0, 0.5)),
            "step_time_s": 0.09 + abs(float(rng.normal(0, 0.01))),
            "tokens_per_s": 30000 + float(rng.normal(0, 900)),
        }
        if step % 20 == 19 or step == steps - 1:
            for shift, source in enumerate(SOURCES):
                row[f"val/{source}/correct_rate"] = float(np.clip(correct + 0.08 * (shift - 1.5), 0, 1))
            row["val/correct_rate"] = float(
                np.mean([row[f"val/{source}/correct_rate"] for source in SOURCES])
            )
        yield row


def _generations(condition: str, seed: int, steps: int):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    for step in range(steps):
        for sample in range(2):
            trace = TRACES[int(rng.integers(len(TRACES)))]
            correct = trace.endswith("164")
            yield {
                "step": step,
                "condition": condition,
                "seed": seed,
                "prompt": "Q: add 78 86\nA:",
                "completion": trace,
                "reward": float(correct),
                "correct": correct,
                "sample": sample,
            }


def _config(campaign: str, label: str, overrides: Mapping[str, Any], steps: int) -> RunConfig:
    document = {"campaign": campaign, "condition": label, "training": {"max_steps": steps}}
    for section, values in overrides.items():
        document[section] = {**document.get(section, {}), **values}  # type: ignore[dict-item]
    return RunConfig.model_validate_json(json.dumps(document))


def _plan(
    name: str,
    configs: Mapping[str, RunConfig],
    overrides: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
) -> dict[str, Any]:
    return {
        "version": 1,
        "name": name,
        "seeds": list(seeds),
        "under_test": sorted(
            {f"{s}.{key}" for table in overrides.values() for s, keys in table.items() for key in keys}
        ),
        "looks": [],
        "notes": [],
        "hypotheses": [],
        "conditions": [
            {"label": label, "overrides": {}, "config": config.model_dump(mode="json")}
            for label, config in configs.items()
        ],
        "runs": [
            {"id": f"{label}_s{seed}", "condition": label, "seed": seed, "identity": f"1:{label}:{seed}"}
            for label in configs
            for seed in seeds
        ],
        "provenance": {
            "git": {"commit": "0f3c2a1", "dirty": False},
            "packages": {"campaign": "0.1.0", "torch": "2.13.0"},
            "machine": {"cpus": 2, "gpus": 0},
        },
    }
