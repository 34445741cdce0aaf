"""A small core that behaves like a real one, and campaigns made of it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from campaign.execution.enrolment import enrol, runs_to_start, write_folder
from campaign.execution.facts import gather_facts
from campaign.execution.store import Store
from campaign.execution.store_reader import StoreReader
from campaign.folder.json_lines import read_jsonl
from campaign.folder.paths import AttemptPaths, CampaignPaths
from campaign.spec.config import CoreSection, ResourcesSection, RetrySection, RunConfig, TrainingSection
from campaign.spec.plan_json import plan_to_json
from campaign.spec.planned_runs import Condition, Plan
from campaign.spec.resolve import resolve
from campaign.spec.spec import Spec

PATIENCE_S = 60.0

CORE = """
import json, os, signal, sys, time

run_dir, seed, checkpoint, steps, pause = sys.argv[1:6]
steps, pause = int(steps), float(pause)
asked = []
signal.signal(signal.SIGTERM, lambda *_: os.path.exists(f"{run_dir}/../../DEAF") or asked.append(True))
step = int(checkpoint.rsplit("_", 1)[1]) if checkpoint else 0

def save():
    os.makedirs(f"{run_dir}/checkpoints/.new")
    os.rename(f"{run_dir}/checkpoints/.new", f"{run_dir}/checkpoints/step_{step:06d}")

os.makedirs(f"{run_dir}/emergence", exist_ok=True)
print("core starts at", step, flush=True)
metrics = open(f"{run_dir}/metrics.jsonl", "a")
words = open(f"{run_dir}/emergence/generations.jsonl", "a")
while step < steps:
    if os.path.exists(f"{run_dir}/../../FAIL_AT_{step}"):
        raise RuntimeError(f"told to fail at step {step}")
    while step == 8 and not asked and os.path.exists(f"{run_dir}/../../HOLD"):
        time.sleep(0.01)
    time.sleep(pause)
    row = {"step": step, "condition": os.environ["CAMPAIGN_CONDITION"], "seed": int(seed),
           "correct_rate": (step + 1) / steps, "step_time_s": pause, "pid": os.getpid(), "t": time.time()}
    metrics.write(json.dumps(row) + "\\n"); metrics.flush()
    for sample in range(2):
        words.write(json.dumps({"step": step, "sample": sample}) + "\\n")
    words.flush()
    step += 1
    if step % 5 == 0 or asked:
        save()
    if asked:
        sys.exit(75)
"""
"""Arguments: attempt folder, seed, checkpoint, steps, seconds a step. Checkpoints every 5 steps; fails where
a file `FAIL_AT_<step>` in the run's folder says so; waits at step 8 while it holds a file `HOLD`, and ignores
SIGTERM while it holds a file `DEAF`."""


def until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first true value of `condition`; fails the test when there is none in time."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    pytest.fail(f"waited {patience_s:.0f} s in vain for: {what}")


def alive(pid: int) -> bool:
    """Whether a process still does something (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def processes_with(text: str) -> list[int]:
    """Processes, but for ourselves, that have `text` in their arguments or their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                said = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            except OSError:
                continue
            if text.encode() in said and alive(int(folder.name)):
                found.append(int(folder.name))
    return found


def ray_folders(pid: int) -> list[Path]:
    """The temporary folder of the Ray that a process has started, when there is one."""
    found = []
    for owner in Path("/tmp").glob("campaign-ray-*/owner.json"):
        try:
            text = owner.read_text()
        except OSError:  # of another process, and removed meanwhile
            continue
        if f'"pid": {pid},' in text:
            found.append(owner.parent)
    return found


@dataclass(frozen=True)
class SmallCampaign:
    """A campaign of small cores, enrolled and ready for a controller."""

    paths: CampaignPaths
    core: Path

    def spec(self, labels: Sequence[str] = ("base",), seeds: Sequence[int] = (1, 2), *, steps: int = 10,
             pause: float = 0.0, on_failure: Any = "continue", resources: ResourcesSection | None = None,
             **retry: Any) -> Spec:  # fmt: skip
        command = (
            sys.executable,
            str(self.core),
            "{run_dir}",
            "{seed}",
            "{checkpoint}",
            str(steps),
            str(pause),
        )
        base = RunConfig(
            campaign=self.paths.root.name,
            core=CoreSection(command=command),
            training=TrainingSection(max_steps=steps),
            resources=resources or ResourcesSection(),
            retry=RetrySection(**{"backoff_s": 0.0, "lease_s": 3.0, "grace_s": 5.0, **retry}),
        )
        conditions = tuple(
            Condition(label, {}, base.model_copy(update={
                "condition": label, "core": base.core.model_copy(update={"options": {"arm": label}})}))
            for label in labels
        )  # fmt: skip
        return Spec(self.paths.root.name, Path("spec.toml"), "", base, conditions, tuple(seeds), (),
                    on_failure=on_failure)  # fmt: skip

    def enrol(self, spec: Spec, **wishes: bool) -> Plan:
        """What a submit does before it starts a controller."""
        facts = gather_facts(self.paths, own_lock=True)
        plan = resolve(spec, facts)
        document = {**plan_to_json(plan), "provenance": {"workdir": str(self.core.parent)}}
        write_folder(self.paths, "", document)
        store = Store.open(self.paths)
        enrol(self.paths, store, plan, runs_to_start(plan, **wishes))
        store.close()
        return plan

    def states(self) -> dict[str, str]:
        with StoreReader.open(self.paths) as store:
            return {row.id: row.state for row in store.runs()}

    def attempts(self, run_id: str) -> list[dict[str, Any]]:
        with StoreReader.open(self.paths) as store:
            return store.attempts(run_id)

    def live_attempt(self, run_id: str) -> AttemptPaths | None:
        claimed = self.paths.run(run_id).attempts()
        return claimed[-1] if claimed else None

    def note(self, run_id: str, number: int = 1) -> dict[str, Any]:
        """What the supervisor wrote about a started attempt."""
        path = self.paths.run(run_id).attempt(number).started
        until(path.exists, f"start of {run_id}")
        document: dict[str, Any] = json.loads(path.read_text())
        return document

    def audit(self, steps: int) -> None:
        """One accepted attempt a run, every step once and in order, one writer a folder, no process left."""
        with StoreReader.open(self.paths) as store:
            identities = {row.id: row.identity for row in store.runs()}
        for run_id, state in self.states().items():
            assert state == "done", f"{run_id} is {state}"
            accepted = [
                attempt
                for attempt in self.attempts(run_id)
                if attempt["identity"] == identities[run_id]
                and attempt["outcome"]
                and attempt["outcome"]["kind"] == "finished"
            ]
            assert len(accepted) == 1, f"{run_id}: {len(accepted)} accepted attempts"
            run = self.paths.run(run_id)
            rows = list(read_jsonl(run.metrics))
            assert [row["step"] for row in rows] == list(range(steps)), run_id
            assert not run.metrics.is_symlink()
            assert not run.emergence.is_symlink()
            samples = [
                (row["step"], row["sample"]) for row in read_jsonl(run.emergence / "generations.jsonl")
            ]
            assert samples == [(step, sample) for step in range(steps) for sample in range(2)], run_id
            for attempt in run.attempts():
                assert len({row["pid"] for row in read_jsonl(attempt.metrics)}) <= 1, (
                    "two writers in one folder"
                )
        left = until(
            lambda: not processes_with(f"{self.paths.runs.absolute()}/") or None, "the end of all cores", 10
        )
        assert left
