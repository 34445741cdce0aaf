"""From a plan to a campaign's folder and store: what the controller needs to know."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from campaign.errors import CampaignError
from campaign.execution.store import Enrolment, Store
from campaign.folder.atomic_files import read_json, write_bytes, write_json
from campaign.folder.paths import CampaignPaths, RunPaths
from campaign.spec.identity import identity
from campaign.spec.planned_runs import Condition, Facts, Plan, PlannedRun
from campaign.spec.run_config import config_to_json, read_run_config


def to_run(
    plan: Plan, facts: Facts, *, retry_failed: bool = False, rerun_stale: bool = False
) -> list[PlannedRun]:
    """The runs that a submit starts: all that are not done, except what failed for good or is done under
    another identity, unless these are asked for."""
    return [run for run in plan.runs if _wanted(run, facts, retry_failed, rerun_stale)]


def _wanted(run: PlannedRun, facts: Facts, retry_failed: bool, rerun_stale: bool) -> bool:
    known = facts.runs.get(run.id)
    match run.action:
        case "run" | "resume":
            return True
        case "retry":
            return retry_failed or known is None or known.state != "failed"
        case "stale":
            return rerun_stale
        case _:
            return False


def write_folder(paths: CampaignPaths, spec_text: str, document: Mapping[str, Any]) -> None:
    """The spec as submitted, and the plan with its provenance (`plan.json`); under `earlier` the provenance
    of submits before, as far as it was another: runs that are done were made by that."""
    paths.runs.mkdir(parents=True, exist_ok=True)
    before = read_json(paths.plan) or {}
    earlier = list(before.get("earlier", []))
    old = before.get("provenance")
    if old and _timeless(old) != _timeless(document.get("provenance", {})):
        earlier.append(old)
    write_bytes(paths.spec, spec_text.encode())
    write_json(paths.plan, {**document, "earlier": earlier})


def _timeless(provenance: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in provenance.items() if key != "time"}


def enrol(paths: CampaignPaths, store: Store, plan: Plan, chosen: Collection[PlannedRun]) -> None:
    """Make the store wait for the `chosen` runs of the plan, each with its `config.toml` on the disk.

    A run that starts under another identity than its attempts had begins anew: its old attempts are moved
    aside, so that no step of theirs is ever taken for one of the new run.
    """
    paths.runs.mkdir(parents=True, exist_ok=True)
    shared = {condition.label: _Shared(condition) for condition in plan.conditions}
    for run in chosen:
        _prepare(paths.run(run.id), run, shared[run.condition.label].toml(run.seed), store)
    with store.transaction():
        for entry in shared.values():
            store.keep_config(entry.digest, entry.document)
        rows = {run.id: _row(run, shared[run.condition.label]) for run in plan.runs}
        store.enrol(list(rows.values()))
        store.renew([rows[run.id] for run in chosen])


def workdir_of(paths: CampaignPaths) -> tuple[Path, tuple[str, ...]]:
    """Where a campaign's cores are executed, and what is put on their import path."""
    provenance = (read_json(paths.plan) or {}).get("provenance", {})
    workdir = Path(provenance.get("workdir") or Path.cwd())
    return workdir, tuple(provenance.get("import_path") or ())


class _Shared:
    """The configuration that all runs of a condition share but for the seed, written once: ten thousand
    models dumped one by one would take a minute."""

    MARK = 2_147_483_646
    """Stands for the seed in the text."""

    def __init__(self, condition: Condition) -> None:
        training = condition.config.training.model_copy(update={"seed": self.MARK})
        document = config_to_json(condition.config.model_copy(update={"training": training}))
        self.document = json.dumps(document, sort_keys=True)
        self.digest = hashlib.sha256(self.document.encode()).hexdigest()[:20]
        self._before, self._after = tomli_w.dumps(document).split(f"\nseed = {self.MARK}\n", 1)
        self.max_steps = condition.config.training.max_steps

    def toml(self, seed: int) -> bytes:
        return f"{self._before}\nseed = {seed}\n{self._after}".encode()


def _row(run: PlannedRun, shared: _Shared) -> Enrolment:
    return Enrolment(run.id, run.condition.label, run.seed, run.identity, shared.digest, shared.max_steps)


def _prepare(run: RunPaths, planned: PlannedRun, config: bytes, store: Store) -> None:
    run.root.mkdir(exist_ok=True)
    known = _known_identity(run, planned, store)
    if known is not None and known != planned.identity:
        _supersede(run, known)
    run.cancel.unlink(missing_ok=True)
    if not run.config.is_file() or run.config.read_bytes() != config:
        write_bytes(run.config, config, sync=False)


def _known_identity(run: RunPaths, planned: PlannedRun, store: Store) -> str | None:
    """Under which identity the run's attempts were made; None when there are none."""
    row = store.run(planned.id)
    if row:
        return row.identity
    if not run.attempts():
        return None
    try:  # the store was lost and the folders were not
        return identity(read_run_config(run.config))
    except CampaignError:
        return "unknown"


def _supersede(run: RunPaths, known: str) -> None:
    """Move the attempts of another identity aside, with the configuration they had."""
    run.superseded.mkdir(exist_ok=True)
    number = len(list(run.superseded.iterdir())) + 1
    aside = run.superseded / f"{number:02d}-{known.rpartition(':')[2][:12]}"
    aside.mkdir()
    for path in (run.attempts_root, run.config, run.metrics, run.emergence):
        if path.is_symlink():
            path.unlink()
        elif path.exists():
            os.replace(path, aside / path.name)
