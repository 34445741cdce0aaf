"""Hypotheses, and the record of them that is made at the first submit.

A hypothesis in that record is *confirmatory*; one that was added or changed later is *exploratory*, and every output
says so. `freeze` makes the record, and `changes` compares a later version of a hypothesis with it. The record counts
from the first row that a run logs: until then a submit replaces it, because nothing was seen. Afterwards, and until a
run has ended, a submit corrects only the name of a metric that no row has.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from campaign.errors import UsageError
from campaign.folder.atomic_files import write_text
from campaign.folder.regular_files import read_regular
from campaign.folder.untrusted_json import parse_json
from campaign.spec.config import Count, NonNegative, Positive, Seed
from campaign.spec.section import Section

Direction = Literal["higher", "lower"]
"""Which values of a metric are better."""

Alpha = Annotated[float, Field(gt=0.0, lt=0.5)]
SummaryName = Annotated[str, Field(pattern=r"^(auto|eval|final|mean|max|min|auc|tail(:[1-9]\d{0,6})?)$")]
"""How a run is summarised as one number.

`auto`: the last held-out evaluation (`val/<metric>`) if there is one, else `tail`. `tail` or `tail:N`: the mean of
the last N steps; without N, of the last 10 % of the steps and at least 5. `final`: the last value. `mean`, `max`,
`min`: over all steps. `auc`: the area under the curve over the steps, divided by their number; only for hypotheses
about speed.
"""

MIN_PAIRS = 6
"""Fewest pairs with which an exact two-sided test can reach p < .05: with 6, 2 / 2**6 = .031."""


class Mechanism(Section):
    """A second metric that must move too, as evidence for the explanation of the effect."""

    metric: str
    """The metric, for example `exec_entropy_var`."""
    direction: Direction = "lower"
    """The direction in which it should move."""
    summary: SummaryName = "auto"
    """How a run is summarised as one number."""
    threshold: NonNegative = 0.0
    """Smallest movement in that direction that counts, in the units of the metric."""


class Hypothesis(Section):
    """One claim: which condition is better than which, in which metric, by how much, and the evidence required."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    """Short name; used in all outputs."""
    metric: Annotated[str, Field(min_length=1)]
    """The metric of `metrics.jsonl` to compare."""
    summary: SummaryName = "auto"
    """How a run is summarised as one number."""
    baseline: str | None = None
    """The condition to compare with; default: the first condition."""
    candidate: str | tuple[str, ...] | None = None
    """The condition or conditions that should be better; default: all others."""
    contrast: dict[str, float] | None = None
    """Weights of conditions that sum to zero, instead of `baseline` and `candidate`. The interaction of a 2 x 2 design
    has the weights +1, -1, -1, +1."""
    direction: Direction = "higher"
    """Which values of the metric are better."""
    min_effect: NonNegative = 0.0
    """Smallest effect of interest, in the units of the metric. Power is computed for it, and the litmus test requires
    the whole confidence interval to lie beyond it."""
    threshold: NonNegative | None = None
    """What the confidence interval must exceed, if not `min_effect`; 0 claims an improvement of any size."""
    alpha: Alpha = 0.05
    """Two-sided error rate of the whole family."""
    test: Literal["paired", "welch"] = "paired"
    """`paired` compares conditions within each seed; `welch` is for conditions that do not share the order of the
    data."""
    family: str = ""
    """Hypotheses of the same family share one error rate (Holm's correction); by default all are one family."""
    min_pairs: Annotated[int, Field(ge=2, le=10**6)] = MIN_PAIRS
    """Fewest pairs, or with `welch` runs per condition, for the verdicts CONFIRMED and FAILED. Fewer than 6 never
    suffice."""
    min_steps: Count = 0
    """Fewest steps in every run included in the test, for the verdicts CONFIRMED and FAILED."""
    min_generations: Count = 0
    """Fewest logged completions in every run included in the test, for the verdicts CONFIRMED and FAILED."""
    mechanism: Mechanism | None = None
    """A second metric that must move too."""
    ranking: tuple[str, ...] = ()
    """Conditions, best first: each should be better than the next."""

    @model_validator(mode="after")
    def _valid_contrast(self) -> Self:
        if self.contrast is None:
            return self
        if self.baseline is not None or self.candidate is not None:
            raise ValueError(
                "`contrast` cannot be combined with `baseline` and `candidate`: remove one or the other"
            )
        weights = self.contrast.values()
        # The weights are written in decimal, so their sum has a rounding error.
        if len(self.contrast) < 2 or abs(sum(weights)) > 1e-9 or not all(weights):
            raise ValueError(
                f"the weights of `contrast` must sum to zero, and none may be zero: {self.contrast}"
            )
        if self.test == "welch":
            raise ValueError("a contrast is computed within each seed: write `test = 'paired'`")
        return self

    @model_validator(mode="after")
    def _distinct_conditions(self) -> Self:
        candidates = (self.candidate,) if isinstance(self.candidate, str) else self.candidate or ()
        if self.baseline in candidates:
            raise ValueError(f"`{self.baseline}` is both the baseline and a candidate: remove one of them")
        if len(set(candidates)) != len(candidates) or len(set(self.ranking)) != len(self.ranking):
            raise ValueError("`candidate` or `ranking` lists a condition twice: remove one of them")
        if len(self.ranking) == 1:
            raise ValueError("a ranking needs at least two conditions, got one")
        return self

    def conditions_of(self, conditions: Sequence[str]) -> tuple[str, ...]:
        """The labels among `conditions`, of the campaign, that the hypothesis compares, without duplicates."""
        if self.contrast is not None:
            return tuple(dict.fromkeys((*self.contrast, *self.ranking)))
        baseline = self.baseline if self.baseline is not None else conditions[0]
        candidates = (self.candidate,) if isinstance(self.candidate, str) else self.candidate or conditions
        return tuple(dict.fromkeys((baseline, *candidates, *self.ranking)))

    @property
    def litmus_threshold(self) -> float:
        """What the confidence interval of the improvement must exceed."""
        return self.min_effect if self.threshold is None else self.threshold


class Extension(Section):
    """Seeds that were added after an interim look; recorded before their runs start."""

    at: Positive
    """Number of seeds of each condition before."""
    to: Positive
    """Number of seeds of each condition afterwards."""


class Correction(Section):
    """The name of a metric that was corrected after the first rows and before a run had ended."""

    hypothesis: str
    before: str
    """The name when frozen, which no row had."""
    after: str


class Frozen(Section):
    """The record of what was declared at the first submit. It is written with its hash."""

    hypotheses: tuple[Hypothesis, ...] = ()
    looks: tuple[Positive, ...] = ()
    """Numbers of seeds at which the results may be tested; when empty, once, with all seeds."""
    seeds: tuple[Seed, ...] = ()
    """Seeds in their declared order."""
    conditions: tuple[str, ...] = ()
    """Conditions at the first submit; those added later were not declared. Empty when unknown."""
    extensions: tuple[Extension, ...] = ()
    corrections: tuple[Correction, ...] = ()

    @property
    def sha256(self) -> str:
        """Hash of everything declared, as canonical JSON. Extensions and corrections are excluded, because they are made
        later."""
        return _digest(self.model_dump(mode="json", exclude={"extensions", "corrections"}))

    def to_json(self) -> dict[str, Any]:
        everything = self.model_dump(mode="json")
        # Records of versions without corrections keep their hash.
        if not self.corrections:
            del everything["corrections"]
        return {"version": 1, "sha256": self.sha256, "record_sha256": _digest(everything), **everything}

    @classmethod
    def from_json(cls, document: object) -> Frozen:
        """Raises ValueError when the document is none or when the hashes do not match the content, because it was
        edited."""
        if not isinstance(document, dict):
            raise ValueError("it is no JSON object")
        about = ("version", "sha256", "record_sha256")
        frozen = cls.model_validate_json(
            json.dumps({key: value for key, value in document.items() if key not in about})
        )
        if any(document.get(key) != frozen.to_json()[key] for key in about):
            raise ValueError("they do not match their hash, so the file was edited")
        return frozen


def freeze(
    hypotheses: Iterable[Hypothesis],
    seeds: Sequence[int],
    looks: Sequence[int] = (),
    conditions: Sequence[str] = (),
) -> Frozen:
    """The record to write at the first submit."""
    return Frozen(
        hypotheses=tuple(hypotheses), looks=tuple(looks), seeds=tuple(seeds), conditions=tuple(conditions)
    )


@dataclass(frozen=True, slots=True)
class Observed:
    """What could be seen of a campaign's runs."""

    metrics: frozenset[str] = frozenset()
    """Names in any row that a run has logged."""
    ended: bool = False
    """Whether a run has ended with rows."""


def refrozen(kept: Frozen, declared: Frozen, observed: Observed) -> Frozen:
    """The record after another submit, which declares `declared`; `kept` is the record before it."""
    if observed.ended:
        return kept
    if not observed.metrics:
        return declared
    now = {hypothesis.name: hypothesis for hypothesis in declared.hypotheses}
    hypotheses = tuple(
        new if (new := now.get(old.name)) and _only_corrects_a_metric(old, new, observed.metrics) else old
        for old in kept.hypotheses
    )
    made = tuple(
        Correction(hypothesis=old.name, before=before, after=after)
        for old, new in zip(kept.hypotheses, hypotheses, strict=True)
        for before, after in zip(_metrics(old), _metrics(new), strict=True)
        if before != after
    )
    return kept.model_copy(update={"hypotheses": hypotheses, "corrections": (*kept.corrections, *made)})


def _metrics(hypothesis: Hypothesis) -> tuple[str, ...]:
    return hypothesis.metric, *([hypothesis.mechanism.metric] if hypothesis.mechanism else [])


def _only_corrects_a_metric(old: Hypothesis, new: Hypothesis, seen: frozenset[str]) -> bool:
    """Whether the hypotheses differ in nothing but names of metrics that, as they were declared, no row has."""
    return _with_corrections(old, new, seen) == new


def _with_corrections(old: Hypothesis, new: Hypothesis, seen: frozenset[str]) -> Hypothesis:
    changed: dict[str, Any] = {}
    if not _was_seen(old.metric, seen):
        changed["metric"] = new.metric
    if old.mechanism and new.mechanism and not _was_seen(old.mechanism.metric, seen):
        changed["mechanism"] = old.mechanism.model_copy(update={"metric": new.mechanism.metric})
    return old.model_copy(update=changed)


def _was_seen(metric: str, seen: frozenset[str]) -> bool:
    return metric in seen or f"val/{metric}" in seen


def results_seen() -> Observed:
    """What is assumed of runs about which nothing is known."""
    return Observed(ended=True)


def keep_frozen(path: Path, frozen: Frozen, observed: Callable[[], Observed] = results_seen) -> Frozen:
    """Writes the record unless a file exists that counts already, and returns the record in the file.

    `observed` tells what could be seen of the runs; it is called only if the file has another record. Raises
    `UsageError` when the existing record cannot be read or was edited.
    """
    kept = read_frozen(path)
    if kept is not None and kept != frozen:
        frozen = refrozen(kept, frozen, observed())
    if frozen != kept:
        # The caller holds the campaign's lock. Atomically, because half a record on a full disk would refuse every
        # later submit.
        write_text(path, json.dumps(frozen.to_json(), indent=2, ensure_ascii=False) + "\n")
    return frozen


def read_frozen(path: Path) -> Frozen | None:
    """The record in `path`; None when there is none. Raises `UsageError` when it cannot be read or was edited."""
    try:
        return Frozen.from_json(parse_json(read_regular(path)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        # Not replaced silently: then whoever empties the file could freeze other hypotheses.
        raise UsageError(
            f"the frozen hypotheses in {path} cannot be used: {_unusable(path, error)}"
        ) from None


def _unusable(path: Path, error: Exception) -> str:
    if os.path.isfile(path) and not os.path.getsize(path):
        return "it is empty; if no run has started (the disk was full at the first submit), delete it"
    # Those of pydantic have several lines.
    why = "it is no record of frozen hypotheses" if isinstance(error, ValidationError) else str(error)
    return f"{why}; restore the file, or delete it: without it, every comparison is exploratory"


def look_problems(looks: Sequence[int], seeds: int) -> list[str]:
    """The problems of declared looks; `seeds` is the number of seeds of the campaign."""
    problems = []
    if any(later <= earlier for earlier, later in pairwise(looks)):
        problems.append(f"looks must be in increasing order, got {list(looks)}")
    if any(look < 2 for look in looks):
        problems.append("a look needs at least 2 seeds")
    if looks and seeds > looks[-1]:
        problems.append(
            f"the last look is at {looks[-1]} seeds, but there are {seeds}: add a look at {seeds}"
        )
    return problems


def read_hypotheses(tables: Iterable[Mapping[str, Any]]) -> tuple[Hypothesis, ...]:
    """The hypotheses in the `[[hypotheses]]` tables of a plan. Raises pydantic's ValidationError."""
    return tuple(Hypothesis.model_validate_json(json.dumps(dict(table))) for table in tables)


def changes(frozen: Frozen, hypothesis: Hypothesis) -> tuple[str, ...]:
    """How a hypothesis differs from its frozen version, one phrase per field; empty when it does not."""
    before = {old.name: old for old in frozen.hypotheses}.get(hypothesis.name)
    if before is None:
        return ("it was added after the first submit",)
    old, new = before.model_dump(mode="json"), hypothesis.model_dump(mode="json")
    return tuple(
        f"`{field}` was {_json(old[field])} when frozen and is {_json(new[field])} now"
        for field in old
        if old[field] != new[field]
    )


def _json(value: Any) -> str:
    return "not given" if value in (None, "", [], ()) else json.dumps(value, ensure_ascii=False)


def _digest(document: Any) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
