"""A validated campaign file: `[campaign]`, `[check]`, and the `Spec` that holds everything."""

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
"""Seeds of a campaign without `seeds`."""

OnFailure = Literal["continue", "stop"] | Annotated[int, Field(ge=1, le=10**9)]


class CampaignSection(Section):
    """The experiment: its conditions, its seeds, and its length."""

    name: str | None = None
    """Name of the campaign and of its folder; default: the name of the file."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = DEFAULT_SEEDS
    """Every condition runs once with each seed. The seed determines the prompts and their order, for all conditions."""
    max_steps: Positive | None = None
    """Steps of every run; the same as `training.max_steps`."""
    conditions: tuple[dict[str, Any], ...] = ()
    """The fields in which each condition differs from the base: bare names, dotted keys or sub-tables. `name` labels
    a condition; `module` takes its fields from the `config` of a Python file."""
    factors: dict[str, Any] = Field(default_factory=dict)
    """Field = list of values: the conditions are all combinations of the values. Replaces `conditions`."""
    exclude: tuple[dict[str, Any], ...] = ()
    """Combinations of `factors` to leave out: those that have all the values of an entry."""
    include: tuple[dict[str, Any], ...] = ()
    """Conditions in addition to the combinations of `factors`, written like `conditions`."""
    under_test: tuple[str, ...] | None = None
    """Dotted paths, or patterns such as `gtpo.*`, of the fields in which conditions may differ; default: all fields
    that conditions set."""
    on_failure: OnFailure = "continue"
    """When runs have failed and no retries are left, or are short: `continue`, `stop` at the first, or stop at this many."""
    looks: tuple[Positive, ...] = ()
    """Numbers of seeds at which the results are tested. Declared looks share one error rate."""
    headline_metric: Annotated[str, Field(min_length=1)] | None = None
    """The metric that `submit`, `status` and the report show for each run; default: the metric of the first hypothesis,
    or else `correct_rate`."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A validated campaign file with its conditions resolved. `resolve` turns it into a plan."""

    name: str
    path: Path
    text: str
    """The content of the file."""
    base: RunConfig
    conditions: tuple[Condition, ...]
    seeds: tuple[int, ...]
    under_test: tuple[str, ...]
    """Dotted paths in which conditions may differ, with patterns expanded."""
    on_failure: Literal["continue", "stop"] | int = "continue"
    looks: tuple[int, ...] = ()
    headline_metric: str | None = None
    hypotheses: tuple[Mapping[str, Any], ...] = ()
    """The validated `[[hypotheses]]` tables, as written."""
    check: CheckSection = field(default_factory=CheckSection)
    modules: Mapping[str, str] = field(default_factory=dict)
    """Condition label -> the Python file that its fields come from."""
    written: tuple[str, ...] = ()
    """Dotted paths of the fields that the sections of the file set."""
    notes: tuple[str, ...] = ()
