"""Paths of a campaign's folder, and that nobody else joins them."""

from __future__ import annotations

import re
from pathlib import Path

from campaign.folder.paths import CHECKPOINT_NAME, METRICS_FILE, AttemptPaths, CampaignPaths, RunPaths
from campaign.spec.config import CoreSection

PACKAGE = Path(__file__).parents[2] / "campaign"
NAMES = (
    "metrics.jsonl", "steps.jsonl", "generations.jsonl", "emergence", "plan.json", "frozen.json", "check.json",
    "squeeze.json", "config.toml", "result.json", "start.json", "wandb.json", "wandb.log", "log.txt", "attempts",
    "campaign.db", "campaign.toml", "checkpoints", "report", "runs", "FENCE", "CANCEL", "LOCK", "STOP",
    "superseded", "index.html", "report.md", "report.json", "figures", "adapter",
)  # fmt: skip


def test_no_other_module_joins_a_path_of_a_campaign() -> None:
    join = re.compile(rf"""/ f?["'](?:[^"']*/)?(?:{"|".join(map(re.escape, NAMES))})["'/]""")
    joined = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in PACKAGE.rglob("*.py")
        if path != PACKAGE / "folder/paths.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if join.search(line)
    ]
    assert not joined


def test_a_run_knows_its_campaign(tmp_path: Path) -> None:
    campaign = CampaignPaths(tmp_path)
    assert campaign.run("base_s1").campaign == campaign
    assert RunPaths(Path("base_s1")).campaign.root == Path.cwd().parent


def test_attempts_are_in_the_order_of_their_numbers_and_nothing_else(tmp_path: Path) -> None:
    run = RunPaths(tmp_path)
    assert run.attempts() == []
    for number in (10, 2, 1):
        run.attempt(number).root.mkdir(parents=True)
    (run.attempts_root / ".0003.tmp").mkdir()
    assert [attempt.number for attempt in run.attempts()] == [1, 2, 10]


def test_a_checkpoint_has_a_name_that_is_recognised(tmp_path: Path) -> None:
    match = CHECKPOINT_NAME.fullmatch(AttemptPaths(tmp_path).checkpoint(25).name)
    assert match is not None
    assert int(match[1]) == 25


def test_the_default_metrics_file_of_a_core_is_that_of_a_record() -> None:
    assert CoreSection().metrics_file == METRICS_FILE
