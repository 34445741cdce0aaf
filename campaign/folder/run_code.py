"""The code that a run was executed by: which commit, which versions, which revision of a model.

`plan.json` has the provenance of the latest submit and of earlier ones that differ. Each attempt records the id of
the one that it was executed under.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from campaign.folder.atomic_files import read_json
from campaign.folder.paths import AttemptPaths, RunPaths
from campaign.folder.plan_document import PlanDocument

ID_DIGITS = 16
COMMIT_DIGITS = 10
MOST_DIGITS = 64
UNKNOWN = "unknown"
MODEL_REVISION = "model revision"

Code = tuple[tuple[str, str], ...]
"""What is known of the code of one attempt, as (name, value) pairs: `commit`, `python`, `torch`, ..."""


def provenance_id(provenance: Mapping[str, Any]) -> str:
    """The same for two provenances that differ in their time only."""
    document = {key: value for key, value in provenance.items() if key != "time"}
    text = json.dumps(document, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:ID_DIGITS]


class RecordedCode:
    """The code of the runs of one campaign."""

    def __init__(self, plan: PlanDocument) -> None:
        known = [found for found in (*plan.earlier, plan.provenance) if found]
        self._by_id = {provenance_id(found): _code(found) for found in known}

    def of(self, run: RunPaths) -> tuple[Code, ...]:
        """What each attempt of the run that started its core was executed by, without repetitions.

        An attempt of an earlier release recorded no id: its code is that of the only provenance, or unknown when
        there are several.
        """
        try:
            attempts = run.attempts()
        except OSError:  # whoever reads the record of the run says that its folder is damaged
            return ()
        found = [self._of_attempt(attempt) for attempt in attempts]
        return tuple(dict.fromkeys(code for code in found if code))

    def _of_attempt(self, attempt: AttemptPaths) -> Code:
        started = read_json(attempt.started)
        if started is None:
            return ()
        code = self._by_id.get(str(started.get("provenance") or ""))
        if code is None:
            distinct = set(self._by_id.values())
            code = next(iter(distinct)) if len(distinct) == 1 else _undecided(distinct)
        # The core writes this file, and it may write anything.
        model = (read_json(attempt.model_source) or {}).get("revision")
        valid = isinstance(model, str) and model.isalnum() and len(model) <= MOST_DIGITS
        return (*code, (MODEL_REVISION, str(model))) if valid else code


def differences(sides: Mapping[str, Iterable[Sequence[Code]]]) -> list[str]:
    """How the code differs between the sides of a comparison, or within one of them, as phrases.

    `sides`: condition -> what each of its runs was executed by.
    """
    codes = {label: [dict(code) for run in runs for code in run] for label, runs in sides.items()}
    names = dict.fromkeys(name for found in codes.values() for code in found for name in code)
    phrases = []
    for name in names:
        values = {label: _values(name, found) for label, found in codes.items() if found}
        if len({value for found in values.values() for value in found}) > 1:
            listed = "; ".join(f"{label} {' and '.join(found)}" for label, found in values.items() if found)
            phrases.append(f"{name}: {listed}")
    return phrases


def _values(name: str, codes: Iterable[Mapping[str, str]]) -> list[str]:
    """The values of a fact. One that is not recorded counts, except that an attempt may end before its model is
    loaded."""
    found = (code.get(name, None if name == MODEL_REVISION else "none") for code in codes)
    return list(dict.fromkeys(value for value in found if value is not None))


def _undecided(codes: Iterable[Code]) -> Code:
    """The facts that all provenances share; `unknown` for those in which they differ."""
    merged: dict[str, set[str]] = {}
    for code in codes:
        for name, value in code:
            merged.setdefault(name, set()).add(value)
    return tuple((name, next(iter(found)) if len(found) == 1 else UNKNOWN) for name, found in merged.items())


def _code(provenance: Mapping[str, Any]) -> Code:
    git, packages = provenance.get("git"), provenance.get("packages")
    facts: dict[str, str] = {}
    if isinstance(git, Mapping):
        diff = git.get("diff_sha256")
        changed = f" with uncommitted changes {str(diff)[:COMMIT_DIGITS]}" if diff else ""
        if modules := git.get("untracked_sha256"):
            changed += f" with untracked modules {str(modules)[:COMMIT_DIGITS]}"
        facts["commit"] = f"{str(git.get('commit'))[:COMMIT_DIGITS]}{changed}"
    if provenance.get("python"):
        facts["python"] = str(provenance["python"])
    if isinstance(packages, Mapping):
        facts |= {str(name): str(version) for name, version in packages.items()}
    return tuple(facts.items())
