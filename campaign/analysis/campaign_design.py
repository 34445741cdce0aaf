"""What a campaign's folder says beforehand: which runs there should be, what is claimed, what was frozen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaign.errors import UsageError
from campaign.spec.hypotheses import Frozen, Hypothesis, read_frozen, read_hypotheses


@dataclass(frozen=True, slots=True)
class Planned:
    """The design: conditions in their declared order (the first is the default baseline), seeds in theirs."""

    name: str = ""
    conditions: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    steps: Mapping[str, int] = field(default_factory=dict)
    """Condition -> steps of each of its runs, where known."""
    hypotheses: tuple[Hypothesis, ...] = ()
    """As the plan has them now; what was frozen may differ."""
    looks: tuple[int, ...] = ()
    frozen: Frozen | None = None


def read_planned(folder: Path) -> Planned:
    """The plan of a campaign's folder; an empty one when the folder has none.

    Raises `UsageError` when the plan cannot be read or the frozen record was edited.
    """
    path = folder / "plan.json"
    frozen = read_frozen(folder / "frozen.json")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")
        return _planned(document, folder, frozen)
    except FileNotFoundError:
        return Planned(frozen=frozen)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def _planned(document: Mapping[str, Any], folder: Path, frozen: Frozen | None) -> Planned:
    conditions = [entry for entry in document.get("conditions") or () if isinstance(entry, dict)]
    return Planned(
        name=str(document.get("name") or folder.name),
        conditions=tuple(str(entry["label"]) for entry in conditions if "label" in entry),
        seeds=tuple(int(seed) for seed in document.get("seeds") or ()),
        steps={
            str(entry["label"]): steps
            for entry in conditions
            if (steps := _steps(entry)) and "label" in entry
        },
        hypotheses=read_hypotheses(document.get("hypotheses") or ()),
        looks=tuple(int(look) for look in document.get("looks") or ()),
        frozen=frozen,
    )


def _steps(entry: Mapping[str, Any]) -> int:
    """`training.max_steps` of a condition; 0 when the plan leaves it out."""
    value = ((entry.get("config") or {}).get("training") or {}).get("max_steps")
    return value if isinstance(value, int) else 0
