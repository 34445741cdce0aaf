"""The result as GitHub workflow commands: one annotation per variant, and the details in the step summary."""

from __future__ import annotations

from collections.abc import Iterator

from campaign.check.findings import CheckResult, Finding, VariantResult
from campaign.check.output.text import printable, to_text
from campaign.errors import Place

ANNOTATIONS = 10
"""Annotations of each level that GitHub shows for one step."""
LISTED = 8
"""Findings that one annotation lists."""


def to_github(result: CheckResult) -> str:
    """One workflow command per line. Text from the files is escaped so that it cannot form a command."""
    result = printable(result)
    lines = []
    variants = [(part.name, variant) for part in result.comparisons for variant in part.variants]
    for verdict in ("confound", "unproven"):
        chosen = [named for named in variants if named[1].verdict == verdict]
        kept = chosen if len(chosen) <= ANNOTATIONS else chosen[: ANNOTATIONS - 1]
        lines += [_annotation(*named) for named in kept]
        if len(chosen) > len(kept):
            lines.append(_others(verdict, [variant for _, variant in chosen[len(kept) :]]))
    lines.append(f"::notice title=campaign check::{escape_message('; '.join(_counts(result)))}")
    return "\n".join(lines) + "\n"


def _counts(result: CheckResult) -> Iterator[str]:
    for part in result.comparisons:
        proven = sum(variant.verdict == "proven" for variant in part.variants)
        name = f"{part.name}: " if part.name else ""
        yield f"{name}{proven} of {len(part.variants)} variants proven"
    if result.not_compared:
        yield f"not compared: {result.not_compared}"


def _others(verdict: str, variants: list[VariantResult]) -> str:
    level, what = ("error", "confound") if verdict == "confound" else ("warning", "cannot prove")
    names = ", ".join(variant.target for variant in variants[:LISTED])
    more = f" and {len(variants) - LISTED} more" if len(variants) > LISTED else ""
    title = escape_property(f"{what}: {len(variants)} more variants")
    return f"::{level} title={title}::{escape_message(f'{names}{more}; the step summary has the details')}"


def to_summary(result: CheckResult) -> str:
    """Markdown for `GITHUB_STEP_SUMMARY`."""
    fence = "````"
    return f"### campaign check: {result.verdict}\n\n{fence}text\n{to_text(result, 100).replace(fence, '')}{fence}\n"


def _annotation(comparison: str, variant: VariantResult) -> str:
    # A variant with a confound is annotated with its confounds only: they are to be resolved first.
    chosen = [found for found in variant.findings if found.kind == variant.verdict]
    level, title = ("error", "confound") if variant.verdict == "confound" else ("warning", "cannot prove")
    place = next((found.variant_place for found in chosen if found.variant_place), None)
    lines = [_line(found) for found in chosen[:LISTED]]
    if len(chosen) > LISTED:
        lines.append(f"and {len(chosen) - LISTED} more")
    named = f"{title}, {comparison}" if comparison else title
    properties = _properties(place, variant.target, f"{named}: {variant.target}")
    return f"::{level} {properties}::{escape_message(chr(10).join(lines))}"


def _line(found: Finding) -> str:
    values = (
        f": {found.reference_value or '-'} -> {found.variant_value or '-'}"
        if found.loads and found.path
        else ""
    )
    why = f" ({found.message})" if found.message else ""
    taint = f", because of {', '.join(found.tainted_by)}" if found.tainted_by else ""
    return f"{found.path}{values}{why}{taint}" if found.path else found.message


def _properties(place: Place | None, target: str, title: str) -> str:
    file = place.file if place else target.partition("?")[0].partition("#")[0].partition(":")[0]
    parts = [f"file={escape_property(file)}"]
    if place and place.line:
        parts.append(f"line={place.line}")
    if place and place.column:
        parts.append(f"col={place.column}")
    return ",".join([*parts, f"title={escape_property(title)}"])


def escape_message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    return escape_message(text).replace(":", "%3A").replace(",", "%2C")
