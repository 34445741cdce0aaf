"""Cores that leave something unexpected in their folder while the campaign runs: each costs its own run only."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaign.errors import CampaignError
from campaign.execution.view import read_view
from campaign.folder.json_lines import read_jsonl
from campaign.folder.paths import CampaignPaths
from campaign.spec.load import load
from campaign.submission import SubmitOptions, submit

pytestmark = pytest.mark.timeout(120)
CORE = r"""
cd $1; run=$(cd ../..; pwd)
rows() { for step in 0 1 2; do echo "{\"step\": $step, \"correct_rate\": 0.5, \"loss\": 2}"; done; }
case $2 in
  1) rows > metrics.jsonl;;
  2) mkdir metrics.jsonl;;
  3) mkfifo metrics.jsonl;;
  4) ln -s /dev/zero metrics.jsonl;;
  5) rows > metrics.jsonl; mkdir result.json;;
  6) rows > metrics.jsonl; echo '{"kind": "finished", "number": 99, "log_tail": 5}' > result.json; exit 3;;
  7) rows > metrics.jsonl; mkdir emergence; mkfifo emergence/generations.jsonl;;
  8) rows > metrics.jsonl; printf '{"step": 3, "loss": %0400d, "text": "\\ud800"}\n' 7 | sed 's/ 000/ 777/' >> metrics.jsonl;;
  9) rows > metrics.jsonl; head -c 100000 /dev/zero | tr '\0' '[' >> metrics.jsonl; echo >> metrics.jsonl;;
  10) rows > metrics.jsonl; rm log.txt; mkfifo log.txt; exit 3;;
  11) rows > metrics.jsonl; rm -rf $run;;
  12) rows > metrics.jsonl; rm $run/metrics.jsonl; mkdir $run/metrics.jsonl;;
  13) rows > metrics.jsonl; rm -rf $run/emergence; mkfifo $run/emergence;;
  14) rows > metrics.jsonl; printf '\377\376\355\240\200 not UTF-8\n'; exit 3;;
  15) if [ ! -e $3/seen ]; then touch $3/seen; rm -rf $run; exec sleep 60; fi; rows > metrics.jsonl;;
esac
"""
SPEC = """
[campaign]
name = "hostile"
seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
conditions = [{ name = "base" }]

[core]
command = ["bash", "core.sh", "{run_dir}", "{seed}", "HERE"]

[training]
max_steps = 3

[retry]
max_failures = 0
backoff_s = 0.0
lease_s = 2.0
"""
REASONS = {
    2: "metrics.jsonl is a folder, not a regular file",
    3: "metrics.jsonl is a FIFO, not a regular file",
    4: "metrics.jsonl is a device, not a regular file",
    6: "exit code 3",
    7: "generations.jsonl is a FIFO, not a regular file",
    10: "exit code 3",
    11: "base_s11 was deleted while the run was live",
    12: "metrics.jsonl: Is a directory",
    14: "exit code 3",
}
"""Seed -> why its run fails; the others are done."""


def test_each_hostile_core_fails_its_own_run_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "core.sh").write_text(CORE)
    spec = tmp_path / "hostile.toml"
    spec.write_text(SPEC.replace("HERE", str(tmp_path)))
    paths = CampaignPaths(tmp_path / "folder")
    with pytest.raises(CampaignError):
        submit(load(spec), paths, SubmitOptions(backend="local"))
    runs = {run.seed: run for run in read_view(paths).runs}
    assert {seed for seed, run in runs.items() if run.state == "done"} == set(runs) - set(REASONS), runs
    for seed, reason in REASONS.items():
        assert runs[seed].state == "failed"
        assert reason in runs[seed].error
    for seed in set(runs) - set(REASONS):
        rows = list(read_jsonl(paths.run(f"base_s{seed}").metrics))
        assert [row["step"] for row in rows][:3] == [0, 1, 2]
    # This one was lost with its folder, and was executed again in a new one.
    assert runs[15].attempt == 2
