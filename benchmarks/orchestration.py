"""Overhead of the orchestration: per run, with cores that do nothing, and of the status of two thousand runs.

    python benchmarks/orchestration.py [--runs 100] [--ray] [--looked-at 2000]

Prints milliseconds and, because machines differ, ratios to a reference measured in the same run: a bare
subprocess for a run, and parsing of all metrics for a status.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from campaign.execution.backend import Backend
from campaign.execution.controller import Controller
from campaign.execution.enrolment import enrol, runs_to_start, write_folder
from campaign.execution.facts import gather_facts
from campaign.execution.local_backend import LocalBackend
from campaign.execution.progress import ProgressReader
from campaign.execution.ray_backend import RayBackend
from campaign.execution.store import Store
from campaign.execution.view import CampaignReader
from campaign.folder.json_lines import read_jsonl
from campaign.folder.paths import CampaignPaths
from campaign.spec.config import CoreSection, RaySection, ResourcesSection, RunConfig, TrainingSection
from campaign.spec.plan_json import plan_to_json
from campaign.spec.planned_runs import Condition, Facts
from campaign.spec.resolve import resolve
from campaign.spec.spec import Spec

ONE_ROW = ("/bin/sh", "-c", """echo '{"step": 0, "loss": 0}' >> "$CAMPAIGN_RUN_DIR/metrics.jsonl" """)
"""The least that a core can do: a run without a complete record is not done."""
ROW = {"step": 0, "condition": "base", "seed": 1, **{f"metric_{i}": 0.123456789 for i in range(40)}}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100, help="runs of a core that logs one row")
    parser.add_argument("--ray", action="store_true", help="on embedded Ray instead of local processes")
    parser.add_argument("--looked-at", type=int, default=2000, help="runs whose progress is read")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        overhead(Path(folder) / "noop", arguments.runs, ray=arguments.ray)
    with tempfile.TemporaryDirectory() as folder:
        progress(Path(folder) / "many", arguments.looked_at)


def overhead(folder: Path, runs: int, *, ray: bool) -> None:
    """Enrol and run `runs` runs whose core logs one row, one core's worth of places for each of two."""
    bare = seconds(
        lambda: subprocess.run(ONE_ROW, check=True, env={"CAMPAIGN_RUN_DIR": str(folder.parent)}), repeat=50
    )
    paths = CampaignPaths(folder)
    began = time.perf_counter()
    enrolled(paths, runs)
    enrolling = (time.perf_counter() - began) / runs
    store = Store.open(paths)
    backend: Backend = RayBackend(RaySection(num_cpus=2, num_gpus=0)) if ray else LocalBackend(cpus=2)
    began = time.perf_counter()
    backend.start()
    starting = time.perf_counter() - began
    paths.lock.touch()
    began = time.perf_counter()
    Controller(paths, store, backend, folder).run()
    running = (time.perf_counter() - began) / runs
    states = store.counts()
    backend.close()
    store.close()
    assert states == {"done": runs}, states
    print(f"backend {backend.name}: started in {starting:.2f} s")
    print(f"enrolling: {enrolling * 1e3:.2f} ms a run")
    print(
        f"running a core that logs one row: {running * 1e3:.1f} ms a run "
        f"({running / bare:.1f} x a bare subprocess, {bare * 1e3:.1f} ms)"
    )


def progress(folder: Path, runs: int, steps: int = 100) -> None:
    """Look at `runs` runs of `steps` logged steps: first, when nothing has changed, and by parsing it all."""
    paths = CampaignPaths(folder)
    enrolled(paths, runs)
    text = "".join(json.dumps({**ROW, "step": step}) + "\n" for step in range(steps))
    files = [paths.run(f"base_s{seed}").metrics for seed in range(runs)]
    for file in files:
        file.write_text(text)
    reader = ProgressReader()
    first = seconds(lambda: [reader.read(file) for file in files])
    again = seconds(lambda: [reader.read(file) for file in files], repeat=5)
    sample = files[: max(1, runs // 20)]
    parsing = seconds(lambda: [list(read_jsonl(file)) for file in sample]) * runs / len(sample)
    view = CampaignReader(paths)
    looking = seconds(view.read, repeat=5)
    view.close()
    print(
        f"progress of {runs} runs: first {first * 1e3:.0f} ms, unchanged {again * 1e3:.0f} ms; "
        f"{parsing / first:.0f} x and {parsing / again:.0f} x less than parsing everything"
    )
    print(f"whole view of {runs} runs: {looking * 1e3:.0f} ms")


def enrolled(paths: CampaignPaths, runs: int) -> None:
    base = RunConfig(
        campaign="noop",
        condition="base",
        core=CoreSection(command=ONE_ROW),
        training=TrainingSection(max_steps=1),
        resources=ResourcesSection(num_cpus=1.0),
    )
    spec = Spec("noop", Path("noop.toml"), "", base, (Condition("base", {}, base),), tuple(range(runs)), ())
    facts: Facts = gather_facts(paths, own_lock=True)
    plan = resolve(spec, facts)
    paths.root.mkdir(parents=True)
    write_folder(paths, "", {**plan_to_json(plan), "provenance": {"workdir": str(paths.root)}})
    store = Store.open(paths)
    enrol(paths, store, plan, runs_to_start(plan))
    store.close()


def seconds(work: Callable[[], object], repeat: int = 1) -> float:
    """Median wall-clock time."""
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main()
