"""Writes a plan to the campaign's folder and store, where the controller finds it."""

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
from campaign.folder.atomic_files import write_bytes, write_json
from campaign.folder.paths import CampaignPaths, RunPaths
from campaign.folder.plan_document import plan_or_empty
from campaign.folder.regular_files import is_file_error, read_regular, reason_of
from campaign.spec.identity import identity
from campaign.spec.planned_runs import Condition, Plan, PlannedRun, starts
from campaign.spec.run_config import config_to_json, read_run_config


def runs_to_start(plan: Plan, *, retry_failed: bool = False, rerun_stale: bool = False) -> list[PlannedRun]:
    """The runs that a submit starts: all that are not done.

    Failed runs are included with `retry_failed`, and runs that are done under another identity with
    `rerun_stale`.
    """
    return [
        run for run in plan.runs if starts(run.action, retry_failed=retry_failed, rerun_stale=rerun_stale)
    ]


def write_folder(paths: CampaignPaths, spec_text: str, document: Mapping[str, Any]) -> None:
    """Write the spec as submitted, and the plan with its provenance (`plan.json`).

    `earlier` of the plan lists the provenance of earlier submits where it differs, because the runs that are
    done were executed by that code.
    """
    paths.runs.mkdir(parents=True, exist_ok=True)
    before = plan_or_empty(paths.plan)
    earlier = list(before.earlier)
    if before.provenance and _without_time(before.provenance) != _without_time(
        document.get("provenance", {})
    ):
        earlier.append(before.provenance)
    write_bytes(paths.spec, spec_text.encode())
    write_json(paths.plan, {**document, "earlier": earlier})


def _without_time(provenance: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in provenance.items() if key != "time"}


def enrol(paths: CampaignPaths, store: Store, plan: Plan, chosen: Collection[PlannedRun]) -> None:
    """Make the `chosen` runs of the plan pending in the store, each with its `config.toml` on disk.

    A run whose attempts were made under another identity starts over. Its old attempts are moved aside, so that
    none of their steps is ever taken for a step of the new run. A run whose folder cannot be written fails, and the
    others are enrolled.
    """
    paths.runs.mkdir(parents=True, exist_ok=True)
    configs = {condition.label: _ConditionConfig(condition) for condition in plan.conditions}
    # Folders first: a run that the store calls pending must be able to start. A submit that is killed in between
    # leaves folders that the next one overwrites.
    unusable: dict[str, str] = {}
    for run in chosen:
        try:
            _prepare(paths.run(run.id), run, configs[run.condition.label].toml(run.seed), store)
        except OSError as error:
            if not is_file_error(error):
                raise
            unusable[run.id] = reason_of(error)
    with store.transaction():
        for config in configs.values():
            store.keep_config(config.digest, config.document)
        rows = {run.id: _row(run, configs[run.condition.label]) for run in plan.runs}
        store.enrol(list(rows.values()))
        store.renew([rows[run.id] for run in chosen])
    for run_id, reason in unusable.items():
        store.fail(run_id, reason)


def workdir_of(paths: CampaignPaths) -> tuple[Path, tuple[str, ...]]:
    """The folder in which the cores of a campaign are executed, and additions to their import path."""
    provenance = plan_or_empty(paths.plan).provenance
    workdir, added = provenance.get("workdir"), provenance.get("import_path")
    return (
        Path(workdir) if isinstance(workdir, str) and workdir else Path.cwd(),
        tuple(str(folder) for folder in added) if isinstance(added, list) else (),
    )


class _ConditionConfig:
    """The configuration of a condition, which its runs share except for the seed.

    It is serialised once per condition: ten thousand models dumped one by one would take a minute.
    """

    SEED_PLACEHOLDER = 2_147_483_646

    def __init__(self, condition: Condition) -> None:
        training = condition.config.training.model_copy(update={"seed": self.SEED_PLACEHOLDER})
        document = config_to_json(condition.config.model_copy(update={"training": training}))
        self.document = json.dumps(document, sort_keys=True)
        self.digest = hashlib.sha256(self.document.encode()).hexdigest()[:20]
        # tomli_w writes every string on one line, so no string can contain this line.
        self._before, self._after = tomli_w.dumps(document).split(f"\nseed = {self.SEED_PLACEHOLDER}\n", 1)
        self.max_steps = condition.config.training.max_steps

    def toml(self, seed: int) -> bytes:
        return f"{self._before}\nseed = {seed}\n{self._after}".encode()


def _row(run: PlannedRun, config: _ConditionConfig) -> Enrolment:
    return Enrolment(run.id, run.condition.label, run.seed, run.identity, config.digest, config.max_steps)


def _prepare(run: RunPaths, planned: PlannedRun, config: bytes, store: Store) -> None:
    run.root.mkdir(exist_ok=True)
    before = _identity_of_attempts(run, planned, store)
    if before is not None and before != planned.identity:
        _supersede(run, before)
    elif before is not None and store.is_done(planned.id) and not run.attempts():
        # Another execution may have another result, so every verdict says that there was one before.
        write_json(run.executed_again, {"after_attempt": len(store.attempts(planned.id))})
    # A new submit overrules an earlier request to cancel.
    run.cancel.unlink(missing_ok=True)
    # Of ten thousand runs that are submitted again, most are unchanged, and writing all would take seconds.
    if _content(run.config) != config:
        write_bytes(run.config, config, sync=False)


def _content(path: Path) -> bytes | None:
    try:
        return read_regular(path)
    except OSError:
        return None


def _identity_of_attempts(run: RunPaths, planned: PlannedRun, store: Store) -> str | None:
    """The identity under which the run's attempts were made; None when there are none."""
    row = store.run(planned.id)
    if row:
        return row.identity
    if not run.attempts():
        return None
    try:  # the store was lost, but the folders were not
        return identity(read_run_config(run.config))
    except CampaignError:
        return "unknown"


def _supersede(run: RunPaths, old_identity: str) -> None:
    """Move the attempts of another identity aside, together with their configuration."""
    run.superseded.mkdir(exist_ok=True)
    number = len(list(run.superseded.iterdir())) + 1
    aside = run.superseded / f"{number:02d}-{old_identity.rpartition(':')[2][:12]}"
    aside.mkdir()
    for path in (
        run.attempts_root, run.config, run.metrics, run.emergence, run.completeness, run.executed_again,
    ):  # fmt: skip
        if path.is_symlink():  # leads into the attempts, which move
            path.unlink()
        elif path.exists():
            os.replace(path, aside / path.name)
