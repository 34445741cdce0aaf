"""What is claimed before the first run, and when it may be tested.

A claim that was written down first is *confirmatory*; one that was added or changed after the first submit is
*exploratory*, and every output says so. `freeze` makes the record that goes into the plan, `changes` compares
a later specification with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from campaign.errors import UsageError
from campaign.spec.config import Count, NonNegative, Positive, Seed
from campaign.spec.section import Section

Direction = Literal["higher", "lower"]
"""Which values of a metric are better."""

Alpha = Annotated[float, Field(gt=0.0, lt=0.5)]
SummaryName = Annotated[str, Field(pattern=r"^(auto|eval|final|mean|max|min|auc|tail(:[1-9]\d{0,6})?)$")]
"""How one run becomes one number.

`auto`: the last held-out evaluation (`val/<metric>`) if there is one, else `tail`. `tail` or `tail:N`: the
mean of the last N steps, of the last max(5, 10 %) when no N is given. `final`: the last value. `mean`,
`max`, `min`: over all steps. `auc`: area under the curve over steps, divided by them: for claims
about speed only.
"""

MIN_PAIRS = 6
"""The fewest pairs with which an exact two-sided test can reach .05: 2 / 2**6 = .031."""


class Mechanism(Section):
    """A second metric that has to move for the explanation to hold, not just the outcome."""

    metric: str
    """Metric of the mechanism, for example `exec_entropy_var`."""
    direction: Direction = "lower"
    """Which way it should move."""
    summary: SummaryName = "auto"
    """How one run becomes one number."""
    threshold: NonNegative = 0.0
    """The least movement in that direction, in the metric's units."""


class Hypothesis(Section):
    """One claim: which condition beats which, in what, by how much, and the evidence that it needs."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    """Short name, used in every output."""
    metric: Annotated[str, Field(min_length=1)]
    """Metric of `metrics.jsonl` that is compared."""
    summary: SummaryName = "auto"
    """How one run becomes one number."""
    baseline: str | None = None
    """Condition compared against; the first condition when not given."""
    candidate: str | tuple[str, ...] | None = None
    """Condition, or conditions, that should be better; every other condition when not given."""
    contrast: dict[str, float] | None = None
    """Weights of conditions, summing to zero, in place of baseline and candidate. The interaction of a 2 x 2
    design is `+1, -1, -1, +1`."""
    direction: Direction = "higher"
    """Which values of the metric are better."""
    min_effect: NonNegative = 0.0
    """Smallest effect of interest in the metric's units: power is computed for it, and the litmus asks
    whether the whole interval lies beyond it."""
    threshold: NonNegative | None = None
    """What the interval has to clear, when that is not `min_effect`: 0 claims an improvement of any size."""
    alpha: Alpha = 0.05
    """Two-sided error rate, of the whole family."""
    test: Literal["paired", "welch"] = "paired"
    """`paired` by seed where conditions share the order of the data, `welch` where they do not."""
    family: str = ""
    """Hypotheses of one family share one error rate (Holm); all do unless named apart."""
    min_pairs: Annotated[int, Field(ge=2, le=10**6)] = MIN_PAIRS
    """Fewest pairs (for `welch`: runs in each condition) for the verdict CONFIRMED."""
    min_steps: Count = 0
    """Fewest steps in every run that counts, for the verdict CONFIRMED."""
    min_generations: Count = 0
    """Fewest logged completions in every run that counts, for the verdict CONFIRMED."""
    mechanism: Mechanism | None = None
    """A second metric that has to move too."""
    ranking: tuple[str, ...] = ()
    """Conditions, best first: each should beat the next."""

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.contrast is not None:
            if self.baseline is not None or self.candidate is not None:
                raise ValueError("give either `contrast` or `baseline` and `candidate`, not both")
            weights = self.contrast.values()
            if len(self.contrast) < 2 or abs(sum(weights)) > 1e-9 or not all(weights):
                raise ValueError(
                    f"the weights of `contrast` must sum to zero, none of them zero: {self.contrast}"
                )
            if self.test == "welch":
                raise ValueError("a contrast is computed within each seed: `test` must be `paired`")
        candidates = (self.candidate,) if isinstance(self.candidate, str) else self.candidate or ()
        if self.baseline in candidates:
            raise ValueError(f"`{self.baseline}` is compared with itself")
        if len(set(candidates)) != len(candidates) or len(set(self.ranking)) != len(self.ranking):
            raise ValueError("a condition is named twice")
        if len(self.ranking) == 1:
            raise ValueError("a ranking needs at least two conditions")
        return self

    @property
    def litmus_threshold(self) -> float:
        """What the interval of the improvement has to clear."""
        return self.min_effect if self.threshold is None else self.threshold


class Extension(Section):
    """Seeds that were added after a look, recorded before the new runs began."""

    at: Positive
    """Seeds of each condition when it was decided."""
    to: Positive
    """Seeds of each condition afterwards."""


class Frozen(Section):
    """The record of what was declared, made at the first submit. `sha256` is written beside it."""

    hypotheses: tuple[Hypothesis, ...] = ()
    looks: tuple[Positive, ...] = ()
    """Numbers of seeds at which the data may be tested; empty: once, with all of them."""
    seeds: tuple[Seed, ...] = ()
    """Seeds in their declared order."""
    conditions: tuple[str, ...] = ()
    """Conditions at the first submit; later ones are no part of what was declared. Empty: unknown."""
    extensions: tuple[Extension, ...] = ()

    @property
    def sha256(self) -> str:
        """Hash of everything declared, in canonical JSON. Extensions come later and are no part of it."""
        return _digest(self.model_dump(mode="json", exclude={"extensions"}))

    def to_json(self) -> dict[str, Any]:
        everything = self.model_dump(mode="json")
        return {"version": 1, "sha256": self.sha256, "record_sha256": _digest(everything), **everything}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Frozen:
        """Raises ValueError when the document was edited: its hashes no longer fit what it says."""
        about = ("version", "sha256", "record_sha256")
        frozen = cls.model_validate_json(
            json.dumps({key: value for key, value in document.items() if key not in about})
        )
        if any(document.get(key) != frozen.to_json()[key] for key in about):
            raise ValueError("the frozen hypotheses do not match their hash: the record was edited")
        return frozen


def freeze(
    hypotheses: Iterable[Hypothesis],
    seeds: Sequence[int],
    looks: Sequence[int] = (),
    conditions: Sequence[str] = (),
) -> Frozen:
    """What is recorded at the first submit."""
    return Frozen(
        hypotheses=tuple(hypotheses), looks=tuple(looks), seeds=tuple(seeds), conditions=tuple(conditions)
    )


def keep_frozen(path: Path, frozen: Frozen) -> Frozen:
    """Writes the record unless there is one; what was frozen first stays. Returns the record that holds.

    Raises `UsageError` when the one that is there cannot be read or was edited.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(frozen.to_json(), indent=2, ensure_ascii=False) + "\n")
    except FileExistsError:
        kept = read_frozen(path)
        return kept if kept is not None else frozen
    return frozen


def read_frozen(path: Path) -> Frozen | None:
    """The record; None when there is none. Raises `UsageError` when it cannot be read or was edited."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Frozen.from_json(document) if isinstance(document, dict) else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} does not hold: {error}") from None


def look_problems(looks: Sequence[int], seeds: int) -> list[str]:
    """What is wrong with declared looks, in words; `seeds` is the number of seeds of the campaign."""
    problems = []
    if any(later <= earlier for earlier, later in pairwise(looks)):
        problems.append(f"looks must rise: {list(looks)}")
    if any(look < 2 for look in looks):
        problems.append("a look needs at least 2 seeds")
    if looks and seeds > looks[-1]:
        problems.append(
            f"{seeds} seeds, but the last look is at {looks[-1]}: seeds after it could never be tested"
        )
    return problems


def read_hypotheses(tables: Iterable[Mapping[str, Any]]) -> tuple[Hypothesis, ...]:
    """`[[hypotheses]]` as they stand in a plan. Raises pydantic's ValidationError."""
    return tuple(Hypothesis.model_validate_json(json.dumps(dict(table))) for table in tables)


def changes(frozen: Frozen, hypothesis: Hypothesis) -> tuple[str, ...]:
    """How a hypothesis differs from its frozen self, a phrase each; empty when it is the same."""
    before = {old.name: old for old in frozen.hypotheses}.get(hypothesis.name)
    if before is None:
        return ("it was added after the first submit",)
    old, new = before.model_dump(mode="json"), hypothesis.model_dump(mode="json")
    return tuple(
        f"`{field}` was {_said(old[field])} when frozen and is {_said(new[field])} now"
        for field in old
        if old[field] != new[field]
    )


def _said(value: Any) -> str:
    return "not given" if value in (None, "", [], ()) else json.dumps(value, ensure_ascii=False)


def _digest(document: Any) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
