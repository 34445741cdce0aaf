"""What one campaign file says, validated: the tables beside a run's own configuration, and `Spec`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from campaign.spec.check_section import CheckSection
from campaign.spec.config import Positive, RunConfig, Seed
from campaign.spec.planned_runs import Condition
from campaign.spec.section import Section

DEFAULT_SEEDS = (42, 101, 202)
"""Seeds of a campaign that names none."""

OnFailure = Literal["continue", "stop"] | Annotated[int, Field(ge=1, le=10**9)]


class CampaignSection(Section):
    """The experiment: which conditions, which seeds, how long."""

    name: str | None = None
    """Name of the campaign and of its folder; the file's name when not given."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = DEFAULT_SEEDS
    """Every condition runs once with each seed; a seed fixes prompts and their order for all conditions."""
    max_steps: Positive | None = None
    """Steps of every run: the same as `training.max_steps`."""
    conditions: tuple[dict[str, Any], ...] = ()
    """What differs from the base: bare field names, dotted keys or sub-tables; `name` labels a condition,
    `module` takes its fields from the `config` of a Python file."""
    factors: dict[str, Any] = Field(default_factory=dict)
    """Field = list of values: the conditions are all combinations (instead of `conditions`)."""
    exclude: tuple[dict[str, Any], ...] = ()
    """Combinations of `factors` to leave out: every combination that has all the values of one entry."""
    include: tuple[dict[str, Any], ...] = ()
    """Further conditions besides the combinations of `factors`, written like `conditions`."""
    under_test: tuple[str, ...] | None = None
    """Dotted paths (or `section.*`) in which conditions may differ; all fields that the conditions name when
    not given."""
    on_failure: OnFailure = "continue"
    """`continue`, `stop` at the first run that fails for good, or stop at this many."""
    looks: tuple[Positive, ...] = ()
    """Numbers of seeds at which results are tested; declared, they share the error rate."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One campaign file, validated and with its conditions resolved. `resolve` makes a plan of it."""

    name: str
    path: Path
    text: str
    """The file as it was read."""
    base: RunConfig
    conditions: tuple[Condition, ...]
    seeds: tuple[int, ...]
    under_test: tuple[str, ...]
    """Dotted paths in which conditions may differ, patterns spelt out."""
    on_failure: Literal["continue", "stop"] | int = "continue"
    looks: tuple[int, ...] = ()
    hypotheses: tuple[Mapping[str, Any], ...] = ()
    """The `[[hypotheses]]` tables as written, validated."""
    check: CheckSection = field(default_factory=CheckSection)
    modules: Mapping[str, str] = field(default_factory=dict)
    """Condition label -> the Python file its fields came from."""
    notes: tuple[str, ...] = ()
