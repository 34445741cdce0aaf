"""The result of a check: differences, their places and the verdict that follows from them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from campaign.errors import Place

Kind = Literal["under_test", "label", "derived", "confound", "unproven", "cosmetic"]
"""under_test, label, derived: declared differences. confound: a difference that is not declared. unproven: neither
proven nor refuted. cosmetic: the source differs, the values do not."""

Detail = Literal["value", "type", "absent", "extra", "length", "order", "code", ""]
"""What differs at the path; `extra` means present only in the variant, `absent` only in the reference."""

Verdict = Literal["proven", "confound", "unproven"]

ASSUMPTIONS: tuple[str, ...] = (
    "one interpreter, the same environment variables, files and package versions for all variants",
    "constructors and functions from outside `follow` are pure, return new objects and keep their keywords",
    "importing a module from outside `follow` changes nothing that the order of imports could show",
)
"""The assumptions of a proof; printed with each PASS."""

EXIT_CODES: dict[Verdict, int] = {"proven": 0, "confound": 1, "unproven": 3}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, or one part of the configuration that could not be proven equal."""

    kind: Kind
    path: str
    detail: Detail = ""
    reference_value: str = ""
    variant_value: str = ""
    reference_place: Place | None = None
    variant_place: Place | None = None
    tainted_by: tuple[str, ...] = ()
    """Fields under test whose values flow into this field."""
    message: str = ""
    suggestion: str = ""
    """The edit that makes an unproven finding provable; empty for all other kinds."""
    loads: bool = True
    """False if the file cannot be evaluated at all: a syntax error, an exception, an unsupported construct."""


@dataclass(frozen=True, slots=True)
class VariantResult:
    """The findings about one variant."""

    target: str
    verdict: Verdict
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The results of all variants that were compared with one reference, or of several such comparisons."""

    reference: str
    variants: tuple[VariantResult, ...]
    assumptions: tuple[str, ...] = ASSUMPTIONS
    name: str = ""
    """Name of the comparison in a campaign's proof, such as `resolved conditions`; empty for a check of files."""
    compared: str = ""
    """What was compared, as a phrase that is the subject of every sentence about the result."""
    not_compared: str = ""
    """What the runs also depend on and was not compared, as a phrase; empty where there is nothing to say."""
    parts: tuple[CheckResult, ...] = ()
    """The comparisons of a proof that consists of several; all must hold."""

    @property
    def comparisons(self) -> tuple[CheckResult, ...]:
        """Each comparison with its own reference."""
        return self.parts or (self,)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all variants."""
        return worst({variant.verdict for variant in self.variants})

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def verdict_of(findings: tuple[Finding, ...]) -> Verdict:
    return worst({finding.kind for finding in findings})


def worst(kinds: Set[str]) -> Verdict:
    """A known difference outweighs an unproven one: more information cannot turn it into a pass."""
    if "confound" in kinds:
        return "confound"
    return "unproven" if "unproven" in kinds else "proven"
