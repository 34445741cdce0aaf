"""Whole campaigns, from the files a newcomer runs to the report: the real core on a real embedded Ray."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from campaign.folder.json_lines import read_jsonl
from campaign.metrics.definitions import unknown

HERE = Path(__file__).parents[1]
STEPS = 6

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def _campaign(folder: Path, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "CAMPAIGN_"))}
    # No key, no netrc: W&B has to stay offline whoever runs the tests.
    environment = kept | {"HOME": str(folder), "NETRC": str(folder / "netrc"), "COLUMNS": "100"}
    environment |= {"PYTHONPATH": str(HERE), "CAMPAIGN_DIR": str(folder / "campaigns")}
    done = subprocess.run(
        [sys.executable, "-m", "campaign", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=400, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == expect, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def _shortened(source: Path, target: Path, **changes: str) -> Path:
    """The example with a few steps and one seed, and nothing else changed."""
    text = source.read_text(encoding="utf-8")
    for key, value in {"max_steps": str(STEPS), "seeds": "[42]", **changes}.items():
        text, found = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert found, f"{source.name} has no {key}"
    target.write_text(text, encoding="utf-8")
    return target


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The sample file of this field, run to its end; its folder, and what the command printed."""
    folder = tmp_path_factory.mktemp("sample")
    spec = _shortened(HERE / "examples/sample.toml", folder / "sample.toml")
    return folder, _campaign(folder, "submit", str(spec)).stdout


def test_sample_file_runs_unchanged_to_tables_report_and_next_commands(sample: tuple[Path, str]) -> None:
    folder, printed = sample
    for words in ("grpo+none", "maxrl+gtpo_sepa", "LoRA-Squeeze", "<- recommended", "report:", "next:"):
        assert words in printed
    assert (folder / "campaigns/sample/report/index.html").stat().st_size > 100_000
    squeeze = json.loads((folder / "campaigns/sample/squeeze.json").read_text())
    assert 1 <= squeeze["recommended_rank"] <= 128
    assert json.loads((folder / "campaigns/sample/check.json").read_text())["verdict"] == "proven"


def test_sample_file_leaves_the_record_that_this_fields_scripts_read(sample: tuple[Path, str]) -> None:
    folder, _ = sample
    logged: set[str] = set()
    for condition in ("grpo+none", "maxrl+gtpo_sepa"):
        run = folder / "campaigns/sample/runs" / f"{condition}_s42"
        rows = list(read_jsonl(run / "metrics.jsonl"))
        assert [row["step"] for row in rows] == list(range(STEPS))
        assert all(next(iter(row)) == "step" for row in rows)
        for name in ("metrics.jsonl", "emergence/steps.jsonl", "emergence/generations.jsonl"):
            found = list(read_jsonl(run / name))
            assert found
            assert {row["condition"] for row in found} == {condition}
        logged |= {name for row in rows for name in row}
    assert not unknown(logged - {"condition", "seed"})


def test_sample_file_is_mirrored_into_wandb_offline_step_by_step(sample: tuple[Path, str]) -> None:
    sys.path.insert(0, str(HERE / "tests/metrics"))
    import wandb_file

    folder, _ = sample
    for condition in ("grpo+none", "maxrl+gtpo_sepa"):
        attempt = folder / "campaigns/sample/runs" / f"{condition}_s42" / "attempts/0001"
        recorded = [row for path in sorted(attempt.rglob("*.wandb")) for row in wandb_file.history(path)]
        rows = list(read_jsonl(attempt / "metrics.jsonl"))
        assert [row["step"] for row in recorded] == [row["step"] for row in rows]
        for ours, theirs in zip(rows, recorded, strict=True):
            numbers = {k: v for k, v in ours.items() if isinstance(v, (int, float)) and k != "seed"}
            assert {name: theirs[name] for name in numbers} == numbers
    summaries: list[dict[str, Any]] = [
        {(item.key or "/".join(item.nested_key)): item.value_json for item in record.summary.update}
        for path in (folder / "campaigns/sample").rglob("*.wandb")
        for record in wandb_file.records(path)
        if record.WhichOneof("record_type") == "summary"
    ]
    assert sum("squeeze/recommended_rank" in summary for summary in summaries) == 1


def test_second_submit_of_a_finished_campaign_runs_nothing_and_shows_the_same(
    sample: tuple[Path, str],
) -> None:
    folder, printed = sample
    database = folder / "campaigns/sample/campaign.db"
    before = sorted(path.name for path in (folder / "campaigns/sample/runs").glob("*/attempts/*"))
    again = _campaign(folder, "submit", "sample.toml").stdout
    assert again.partition("report:")[0] == printed.partition("report:")[0]
    assert sorted(p.name for p in (folder / "campaigns/sample/runs").glob("*/attempts/*")) == before
    assert database.is_file()
    status = json.loads(_campaign(folder, "status", "sample", "--json").stdout)
    assert {run["state"] for run in status["runs"]} == {"done"}


def test_changed_field_makes_finished_runs_stale_and_plan_names_it(sample: tuple[Path, str]) -> None:
    folder, _ = sample
    text = (folder / "sample.toml").read_text().replace("lora_rank = 128", "lora_rank = 64")
    (folder / "changed.toml").write_text(text.replace("[campaign]", '[campaign]\nname = "sample"', 1))
    plan = json.loads(_campaign(folder, "plan", "changed.toml", "--json").stdout)
    assert {run["action"] for run in plan["runs"]} == {"stale"}
    assert all("model.lora_rank: 128, the spec says 64" in run["reason"] for run in plan["runs"])


CONFOUNDED = """
[campaign]
name = "mixed"
seeds = [1, 2]
max_steps = 2
under_test = ["algorithm.kl_coef"]

[[campaign.conditions]]
name = "a"
kl_coef = 0.0

[[campaign.conditions]]
name = "b"
kl_coef = 0.1
lr = 1e-4

[[hypotheses]]
name = "kl costs"
metric = "correct_rate"
baseline = "b"
candidate = "a"
"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign that was run although its conditions differ in two fields."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "mixed.toml").write_text(CONFOUNDED)
    refused = _campaign(folder, "submit", "mixed.toml", expect=1)
    assert "training.lr" in refused.stderr
    assert "--allow-confounds" in refused.stderr
    assert not (folder / "campaigns/mixed/runs").exists()
    _campaign(folder, "submit", "mixed.toml", "--allow-confounds", "the <b>rate</b> must follow")
    return folder


def test_confound_that_was_allowed_is_recorded_and_shown_in_every_report(mixed: Path) -> None:
    recorded = json.loads((mixed / "campaigns/mixed/check.json").read_text())
    assert recorded["verdict"] == "confound"
    assert recorded["allowed"] == "the <b>rate</b> must follow"
    page = (mixed / "campaigns/mixed/report/index.html").read_text()
    assert "the &lt;b&gt;rate&lt;/b&gt; must follow" in page
    assert "<b>rate</b>" not in page
    assert "must follow" in (mixed / "campaigns/mixed/report/report.md").read_text()
    report = json.loads((mixed / "campaigns/mixed/report/report.json").read_text())
    assert report["check"]["allowed"] == "the <b>rate</b> must follow"
    assert report["executed"]["verdict"] == "confound"
    said = " ".join(_campaign(mixed, "compare", "mixed", expect=3).stdout.split())
    assert "outside the fields under test; allowed with the reason: the <b>rate</b> must follow" in said


def test_hypothesis_changed_after_the_first_submit_is_exploratory_in_every_output(mixed: Path) -> None:
    declared = json.loads(_campaign(mixed, "compare", "mixed", "--json", expect=3).stdout)
    assert [verdict["confirmatory"] for verdict in declared["verdicts"]] == [True]
    (mixed / "mixed.toml").write_text(CONFOUNDED + "min_effect = 0.5\n")
    _campaign(mixed, "submit", "mixed.toml", "--allow-confounds", "the <b>rate</b> must follow")
    changed = json.loads(_campaign(mixed, "compare", "mixed", "--json", expect=3).stdout)
    (verdict,) = changed["verdicts"]
    assert not verdict["confirmatory"]
    assert any("min_effect" in words for words in verdict["exploratory"])
    assert "exploratory" in _campaign(mixed, "compare", "mixed", expect=3).stdout
    _campaign(mixed, "report", "mixed")
    assert "exploratory" in (mixed / "campaigns/mixed/report/report.md").read_text()


def test_script_template_runs_as_it_is_written_and_ends_with_a_report(tmp_path: Path) -> None:
    _campaign(tmp_path, "init", "script")
    assert "12 runs" in _campaign(tmp_path, "plan", "script.toml").stdout
    done = _campaign(tmp_path, "submit", "script.toml", "--backend", "local")
    assert "last held-out evaluation of val/correct_rate" in done.stdout
    assert (tmp_path / "campaigns/script/report/index.html").is_file()
    assert "step 200/200  loss" in _campaign(
        tmp_path, "logs", "script", "optimizer=muon_s42", "--tail", "1"
    ).stdout  # fmt: skip
