"""The answer of a check: what differs, where, and what that means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from campaign.errors import Place

Kind = Literal["under_test", "label", "derived", "confound", "unproven", "cosmetic"]
"""under_test, label, derived: declared, listed. confound: a difference nobody declared. unproven: neither
proven nor refuted. cosmetic: text differs, values do not."""

Detail = Literal["value", "type", "absent", "extra", "length", "order", "code", ""]
"""What differs at the path; `extra` is only in the variant, `absent` only in the reference."""

Verdict = Literal["proven", "confound", "unproven"]

ASSUMPTIONS: tuple[str, ...] = (
    "one interpreter, the same environment variables, files and package versions for all variants",
    "constructors and functions from outside `follow` are pure, return new objects and keep their keywords",
    "importing a module from outside `follow` changes nothing that the order of imports could show",
)
"""What a proof rests on; printed with every PASS."""

EXIT_CODES: dict[Verdict, int] = {"proven": 0, "confound": 1, "unproven": 3}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, or one thing that could not be known."""

    kind: Kind
    path: str
    detail: Detail = ""
    reference_value: str = ""
    variant_value: str = ""
    reference_place: Place | None = None
    variant_place: Place | None = None
    tainted_by: tuple[str, ...] = ()
    """Fields under test whose value flows into this one."""
    message: str = ""
    suggestion: str = ""
    """The edit that would make an unproven answer provable."""
    loads: bool = True
    """False when the file does not evaluate at all: no syntax, an exception, no entry."""


@dataclass(frozen=True, slots=True)
class VariantResult:
    """One variant against the reference."""

    target: str
    verdict: Verdict
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All variants against the reference."""

    reference: str
    variants: tuple[VariantResult, ...]
    assumptions: tuple[str, ...] = ASSUMPTIONS

    @property
    def verdict(self) -> Verdict:
        """The worst over the variants: a confound, then what could not be proven."""
        verdicts = {variant.verdict for variant in self.variants}
        if "confound" in verdicts:
            return "confound"
        return "unproven" if "unproven" in verdicts else "proven"

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def verdict_of(findings: tuple[Finding, ...]) -> Verdict:
    kinds = {finding.kind for finding in findings}
    if "confound" in kinds:
        return "confound"
    return "unproven" if "unproven" in kinds else "proven"
