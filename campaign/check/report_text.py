"""The answer for a terminal: a matrix of fields and variants, then a block for each confound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from campaign.check.findings import CheckResult, Finding, VariantResult

MARKS = {"under_test": "t", "label": "l", "derived": "d", "confound": "X", "unproven": "?", "cosmetic": "~"}
LEGEND = {
    "t": "under test",
    "l": "label",
    "d": "derived",
    "X": "confound",
    "?": "cannot prove",
    "~": "cosmetic",
}
COLOURS = {"proven": "32", "confound": "31", "unproven": "33"}
SHOWN_VARIANTS = 20
BLOCKS = 20
"""Blocks for one variant; the rest is counted."""


def to_text(result: CheckResult, width: int = 80, colour: bool = False, verbose: bool = False) -> str:
    lines = [*headline(result, colour), ""]
    lines += [*variant_lines(result, colour), ""]
    matrix = list(matrix_lines(result, width, verbose))
    lines += [*matrix, ""] if matrix else []
    for number, variant in enumerate(result.variants, 1):
        lines += block_lines(number, variant, width, colour, verbose)
    if result.verdict == "proven":
        lines += ["assuming:", *(f"  - {text}" for assumption in result.assumptions for text in [assumption])]
    return "\n".join(lines).rstrip() + "\n"


def headline(result: CheckResult, colour: bool) -> list[str]:
    counts = Counter(variant.verdict for variant in result.variants)
    words = {"proven": "proven", "confound": "with a confound", "unproven": "cannot be proven"}
    parts = [
        f"{counts[verdict]} {words[verdict]}"
        for verdict in ("proven", "confound", "unproven")
        if counts[verdict]
    ]
    titles = {"proven": "PASS", "confound": "CONFOUND", "unproven": "CANNOT PROVE"}
    title = paint(titles[result.verdict], result.verdict, colour)
    return [f"{title}  {', '.join(parts)}; reference {result.reference}"]


def variant_lines(result: CheckResult, colour: bool) -> Iterator[str]:
    digits = len(str(len(result.variants)))
    shown = result.variants if len(result.variants) <= 60 else worst_first(result.variants)[:60]
    numbers = {id(variant): number for number, variant in enumerate(result.variants, 1)}
    for variant in shown:
        yield f"  {numbers[id(variant)]:>{digits}}  {paint(f'{variant.verdict:<9}', variant.verdict, colour)} {variant.target}"
    if len(shown) < len(result.variants):
        yield f"  and {len(result.variants) - len(shown)} more"


def worst_first(variants: tuple[VariantResult, ...]) -> list[VariantResult]:
    order = {"confound": 0, "unproven": 1, "proven": 2}
    return sorted(variants, key=lambda variant: order[variant.verdict])


def matrix_lines(result: CheckResult, width: int, verbose: bool) -> Iterator[str]:
    """Differing fields down, variants across, one mark for each."""
    variants = result.variants[:SHOWN_VARIANTS]
    rows: dict[str, dict[int, str]] = {}
    for column, variant in enumerate(variants):
        for finding in variant.findings:
            if finding.kind == "cosmetic" and not verbose:
                continue
            rows.setdefault(finding.path or "(does not load)", {}).setdefault(column, MARKS[finding.kind])
    if not rows:
        return
    size = max(len(str(len(variants))), 1) + 1
    room = max(width - 4 - size * len(variants), 16)
    longest = min(max(len(path) for path in rows), room)
    yield f"  {'field':<{longest}} " + "".join(f"{number:>{size}}" for number in range(1, len(variants) + 1))
    for path, marks in list(rows.items())[:60]:
        shown = path if len(path) <= longest else "…" + path[-longest + 1 :]
        yield f"  {shown:<{longest}} " + "".join(
            f"{marks.get(column, '.'):>{size}}" for column in range(len(variants))
        )
    if len(rows) > 60:
        yield f"  and {len(rows) - 60} fields more (--json has them all)"
    used = {mark for marks in rows.values() for mark in marks.values()}
    yield "  " + "   ".join(f"{mark} {LEGEND[mark]}" for mark in LEGEND if mark in used)


def block_lines(
    number: int, variant: VariantResult, width: int, colour: bool, verbose: bool
) -> Iterator[str]:
    kinds = ("confound", "unproven", *(("derived", "label", "under_test", "cosmetic") if verbose else ()))
    chosen = [finding for kind in kinds for finding in variant.findings if finding.kind == kind]
    for finding in chosen[:BLOCKS]:
        yield from block(number, variant, finding, colour)
    if len(chosen) > BLOCKS:
        yield f"  and {len(chosen) - BLOCKS} more in {variant.target}"
        yield ""


def block(number: int, variant: VariantResult, finding: Finding, colour: bool) -> Iterator[str]:
    names = {
        "confound": "confound",
        "unproven": "cannot prove",
        "under_test": "under test",
        "derived": "derived",
    }
    what = names.get(finding.kind, finding.kind)
    detail = f" ({finding.detail})" if finding.detail not in ("", "value") else ""
    head = paint(what, finding.kind, colour)
    yield (
        f"{head}: {finding.path}{detail}, in {variant.target}"
        if finding.path
        else f"{head}: {variant.target}"
    )
    known = (finding.reference_place, finding.variant_place, finding.reference_value, finding.variant_value)
    if finding.loads and any(known):
        size = max(len(finding.reference_value), len(finding.variant_value), 4)
        left = finding.reference_value or ("-" if finding.kind != "unproven" else "")
        right = finding.variant_value or ("-" if finding.kind != "unproven" else "")
        yield f"     {left:<{size}}  {finding.reference_place or ''}".rstrip()
        yield f"  -> {right:<{size}}  {finding.variant_place or ''}".rstrip()
    elif finding.variant_place:
        yield f"     at {finding.variant_place}"
    if finding.message:
        yield f"     {finding.message}"
    if finding.tainted_by:
        yield f"     because {', '.join(finding.tainted_by)} (under test) flows into it"
    if finding.edit:
        yield f"     to make it provable: {finding.edit}"
    yield ""


def paint(text: str, kind: str, colour: bool) -> str:
    code = COLOURS.get(kind)
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code else text
