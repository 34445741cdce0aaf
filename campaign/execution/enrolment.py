"""From a plan to a campaign's folder and store: what the controller needs to know, and nothing else does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from campaign.execution.durable import read_json, write_bytes, write_json
from campaign.execution.paths import CampaignPaths, RunPaths
from campaign.execution.store import Store
from campaign.spec.config import RunConfig
from campaign.spec.plan import Action, Plan, PlannedRun

STARTED_BY_SUBMIT: frozenset[Action] = frozenset({"run", "resume"})
"""Actions that every submit takes; `retry` and `stale` have to be asked for."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What enrolling a plan has come to."""

    to_run: tuple[str, ...]
    done: int
    left_failed: tuple[str, ...]
    left_stale: tuple[str, ...]


def write_folder(paths: CampaignPaths, spec_text: bytes, document: Mapping[str, Any]) -> None:
    """The spec as submitted, and the plan with its provenance (`plan.json`)."""
    paths.runs.mkdir(parents=True, exist_ok=True)
    write_bytes(paths.spec, spec_text)
    write_json(paths.plan, document)


def enrol(
    paths: CampaignPaths, store: Store, plan: Plan, taken: Collection[Action] = STARTED_BY_SUBMIT
) -> Enrolled:
    """Make the store wait for the runs whose action is in `taken`, each with its `config.toml` on the disk.

    A run that starts under another identity than its attempts had begins anew: its old attempts are moved
    aside, so that no step of theirs is ever taken for one of the new run.
    """
    to_run = [run for run in plan.runs if run.action in taken]
    paths.runs.mkdir(parents=True, exist_ok=True)
    texts = _ConfigTexts()
    for run in to_run:
        _prepare(paths.run(run.id), run, texts.of(run), _known_identity(store, run))
    with store.transaction():
        store.enrol(
            [(run.id, run.condition.label, run.seed, run.identity, run.config.training.max_steps) for run in plan.runs]
        )
        for run in to_run:
            store.renew(run.id, run.identity)
    return Enrolled(
        to_run=tuple(run.id for run in to_run),
        done=sum(run.action == "skip" for run in plan.runs),
        left_failed=tuple(run.id for run in plan.runs if run.action == "retry" and "retry" not in taken),
        left_stale=tuple(run.id for run in plan.runs if run.action == "stale" and "stale" not in taken),
    )


def config_toml(config: RunConfig) -> bytes:
    """A run's configuration as the TOML that `campaign.core` and `campaign run` read."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True)).encode()


class _ConfigTexts:
    """`config.toml` of each run. Runs of a condition differ only in their seed, so the text of a condition is
    made once: ten thousand models dumped one by one would take a minute."""

    MARK = 2_147_483_646
    """A seed that stands for all in the text; the largest but one that the spec accepts."""

    def __init__(self) -> None:
        self._texts: dict[str, bytes] = {}

    def of(self, run: PlannedRun) -> bytes:
        label = run.condition.label
        if label not in self._texts:
            training = run.condition.config.training.model_copy(update={"seed": self.MARK})
            self._texts[label] = config_toml(run.condition.config.model_copy(update={"training": training}))
        before, after = self._texts[label].split(f"seed = {self.MARK}\n".encode())
        return before + f"seed = {run.seed}\n".encode() + after


def _known_identity(store: Store, run: PlannedRun) -> str | None:
    row = store.run(run.id)
    return row.identity if row else None


def _prepare(run: RunPaths, planned: PlannedRun, config: bytes, known: str | None) -> None:
    run.root.mkdir(exist_ok=True)
    if known is not None and known != planned.identity:
        _supersede(run, known)
    run.cancel.unlink(missing_ok=True)
    if not run.config.is_file() or run.config.read_bytes() != config:
        write_bytes(run.config, config, sync=False)


def _supersede(run: RunPaths, identity: str) -> None:
    """Move the attempts of another identity aside, with the configuration they had."""
    aside = run.superseded / f"{identity[:12]}-{len(list(run.superseded.glob('*')))}"
    aside.mkdir(parents=True)
    for path in (run.attempts_root, run.config):
        if path.exists():
            os.replace(path, aside / path.name)
    if run.metrics.is_symlink() or run.metrics.exists():
        run.metrics.unlink()
    if run.emergence.is_symlink():
        run.emergence.unlink()
    elif run.emergence.exists():
        shutil.rmtree(run.emergence)


def workdir_of(paths: CampaignPaths) -> tuple[Path, tuple[str, ...]]:
    """Where a campaign's cores are executed, and what is put on their import path."""
    provenance = (read_json(paths.plan) or {}).get("provenance", {})
    workdir = Path(provenance.get("workdir") or Path.cwd())
    return workdir, tuple(provenance.get("import_path") or ())


