"""The result for a terminal: a matrix of fields and variants, then a block for each confound and unproven field."""

from __future__ import annotations

import posixpath
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import islice

from campaign.check.findings import CheckResult, Finding, VariantResult
from campaign.check.output.redaction import without_secrets

MARKS = {"under_test": "t", "label": "l", "derived": "d", "confound": "X", "unproven": "?", "cosmetic": "~"}
LEGEND = {
    "t": "under test",
    "l": "label",
    "d": "derived",
    "X": "confound",
    "?": "cannot prove",
    "~": "cosmetic",
}
TITLES = {"proven": "PASS", "confound": "CONFOUND", "unproven": "CANNOT PROVE"}
COLOURS = {"proven": "32", "confound": "31", "unproven": "33"}
SHOWN_VARIANTS = 60
SHOWN_FIELDS = 60
NARROWEST_FIELD = 24
"""Columns that are reserved for the name of a field, however many variants there are."""
BLOCKS = 20
SHOWN_SIDES = 3
"""Variants of one block whose values are shown; the others are counted."""
LONGEST = 200
"""Characters of a path or a message; the JSON document has all of them."""
INDENT = " " * 5

Row = dict[int, str]
"""Index of a variant -> its mark."""


def to_text(result: CheckResult, width: int = 80, colour: bool = False, verbose: bool = False) -> str:
    result = printable(result)
    lines = list(_overview(result, width, colour)) if result.parts else []
    for part in result.comparisons:
        lines += [*comparison_lines(part, width, colour, verbose), ""]
    return "\n".join(lines).rstrip() + "\n"


def _overview(result: CheckResult, width: int, colour: bool) -> Iterator[str]:
    """The verdict of a proof that consists of several comparisons, and that of each."""
    verdicts = "; ".join(f"{part.name}: {part.verdict}" for part in result.parts)
    title = TITLES[result.verdict]
    first, *rest = wrapped(verdicts, max(width - len(title) - 2, 20), "", "")
    yield f"{paint(title, result.verdict, colour)}  {first}"
    yield from rest
    yield ""


def comparison_lines(result: CheckResult, width: int, colour: bool, verbose: bool) -> list[str]:
    """One comparison, under its name and with what it compared."""
    lines = wrapped(f"{result.name}: {result.compared}", width, "", "  ") if result.name else []
    lines += [*headline(result, width, colour), ""]
    lines += [*variant_lines(result, width, colour), ""]
    matrix = list(matrix_lines(result, width, verbose))
    lines += [*matrix, ""] if matrix else []
    lines += block_lines(result, width, colour, verbose)
    if result.not_compared:
        lines += wrapped(f"not compared: {result.not_compared}", width, "", "  ")
    if result.verdict == "proven":
        lines.append("assuming:")
        for assumption in result.assumptions:
            lines += wrapped(assumption, width, "  - ", "    ")
    return lines


def printable(result: CheckResult) -> CheckResult:
    """The result without control characters and secrets: names and messages come from the files, which are not
    trusted."""
    result = without_secrets(result)
    variants = tuple(
        replace(variant, target=one_line(variant.target), findings=tuple(map(_printable, variant.findings)))
        for variant in result.variants
    )
    return replace(
        result,
        reference=one_line(result.reference),
        variants=variants,
        assumptions=tuple(map(one_line, result.assumptions)),
        not_compared=one_line(result.not_compared),
        parts=tuple(map(printable, result.parts)),
    )


def _printable(finding: Finding) -> Finding:
    changed = {}
    for field in fields(finding):
        value = getattr(finding, field.name)
        if isinstance(value, str) and (not value.isprintable() or len(value) > LONGEST):
            changed[field.name] = one_line(value)
    return replace(finding, **changed) if changed else finding  # type: ignore[arg-type]


def one_line(text: str) -> str:
    """Text on one line, without control characters; of a long path the end, which names the field."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= LONGEST else "…" + text[1 - LONGEST :]


def wrapped(text: str, width: int, first: str = INDENT, following: str = INDENT) -> list[str]:
    return textwrap.wrap(
        text,
        max(width, 20),
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )


def headline(result: CheckResult, width: int, colour: bool) -> list[str]:
    counts = Counter(variant.verdict for variant in result.variants)
    words = {"proven": "proven", "confound": "with a confound", "unproven": "cannot be proven"}
    parts = [
        f"{counts[verdict]} {words[verdict]}"
        for verdict in ("proven", "confound", "unproven")
        if counts[verdict]
    ]
    title, counted = TITLES[result.verdict], ", ".join(parts)
    painted = paint(title, result.verdict, colour)
    reference = f"reference {result.reference}"
    if len(f"{title}  {counted}; {reference}") > width:
        return [f"{painted}  {counted}", reference]
    return [f"{painted}  {counted}; {reference}"]


def variant_lines(result: CheckResult, width: int, colour: bool) -> Iterator[str]:
    digits = len(str(len(result.variants)))
    chosen = worst(result, SHOWN_VARIANTS)
    name_width = width - digits - 14
    names = {index: result.variants[index].target for index in chosen}
    folder = posixpath.commonpath([posixpath.dirname(name) for name in names.values()]) if names else ""
    if folder and max(map(len, names.values())) > name_width:
        yield f"  in {folder}/"
        names = {index: name.removeprefix(f"{folder}/") for index, name in names.items()}
    for index, name in names.items():
        verdict = result.variants[index].verdict
        yield f"  {index + 1:>{digits}}  {paint(f'{verdict:<9}', verdict, colour)} {name}"
    if len(chosen) < len(result.variants):
        yield f"  and {len(result.variants) - len(chosen)} more (--json has them all)"


def worst(result: CheckResult, count: int) -> list[int]:
    """Indices of the worst variants, in the order of the variants."""
    order = {"confound": 0, "unproven": 1, "proven": 2}
    indices = sorted(range(len(result.variants)), key=lambda index: order[result.variants[index].verdict])
    return sorted(indices[:count])


def matrix_lines(result: CheckResult, width: int, verbose: bool) -> Iterator[str]:
    """The matrix: one row per differing field, one column per variant."""
    rows = _rows(result, verbose)
    if not rows:
        return
    size = len(str(len(result.variants))) + 1
    columns = worst(result, max((width - 4 - NARROWEST_FIELD) // size, 1))
    longest = min(max(map(len, rows)), max(width - 4 - size * len(columns), NARROWEST_FIELD))
    yield f"  {'field':<{longest}} " + "".join(f"{index + 1:>{size}}" for index in columns)
    for path in _shown_fields(rows):
        name = path if len(path) <= longest else "…" + path[-longest + 1 :]
        marks = "".join(f"{rows[path].get(index, '.'):>{size}}" for index in columns)
        yield f"  {name:<{longest}} {marks}"
    if len(rows) > SHOWN_FIELDS:
        yield f"  and {len(rows) - SHOWN_FIELDS} fields more (--json has them all)"
    if len(columns) < len(result.variants):
        note = f"columns for {len(columns)} of {len(result.variants)} variants; a wider terminal shows more"
        yield from wrapped(note, width, "  ", "  ")
    used = {mark for marks in rows.values() for mark in marks.values()}
    yield "  " + "   ".join(f"{mark} {LEGEND[mark]}" for mark in LEGEND if mark in used)


def _shown_fields(rows: dict[str, Row]) -> list[str]:
    """All fields in their order; of too many, those with a confound first, then the unproven ones."""
    if len(rows) <= SHOWN_FIELDS:
        return list(rows)
    grave = {"X": 0, "?": 1}
    return sorted(rows, key=lambda path: min(grave.get(mark, 2) for mark in rows[path].values()))[
        :SHOWN_FIELDS
    ]


def _rows(result: CheckResult, verbose: bool) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for index, variant in enumerate(result.variants):
        for finding in variant.findings:
            if finding.kind != "cosmetic" or verbose:
                path = finding.path or "(does not load)"
                rows.setdefault(path, {}).setdefault(index, MARKS[finding.kind])
    return rows


class Block:
    """One difference from the reference, and all variants that have it."""

    def __init__(self, first: Finding) -> None:
        self.first = first
        self.sides: list[tuple[int, VariantResult, Finding]] = []

    def variants(self) -> list[str]:
        return list(dict.fromkeys(variant.target for _, variant, _ in self.sides))


def blocks(result: CheckResult, kinds: tuple[str, ...]) -> list[Block]:
    """Equal findings of all variants together, by kind and in the order of the fields."""
    found: dict[object, Block] = {}
    for kind in kinds:
        for index, variant in enumerate(result.variants):
            for finding in variant.findings:
                if finding.kind == kind:
                    where = (finding.reference_value, finding.reference_place, finding.detail)
                    alike = (finding.path, where) if finding.path else (finding.message, index)
                    block = found.setdefault((kind, alike), Block(finding))
                    block.sides.append((index + 1, variant, finding))
    return list(found.values())


def block_lines(result: CheckResult, width: int, colour: bool, verbose: bool) -> Iterator[str]:
    kinds = ("confound", "unproven", *(("derived", "label", "under_test", "cosmetic") if verbose else ()))
    found = blocks(result, kinds)
    for block in found[:BLOCKS]:
        yield from _lines(block, len(result.variants), width, colour)
        yield ""
    if len(found) > BLOCKS:
        yield f"and {len(found) - BLOCKS} more like these (--json has them all)"
        yield ""


def _lines(block: Block, count: int, width: int, colour: bool) -> Iterator[str]:
    yield from _head(block, count, width, colour)
    first = block.first
    sides = (first.reference_place, first.variant_place, first.reference_value, first.variant_value)
    if first.loads and any(sides):
        yield from _sides(block, width)
    elif first.variant_place:
        yield f"{INDENT}at {first.variant_place}"
    findings = [finding for _, _, finding in block.sides]
    for message in _distinct(finding.message for finding in findings):
        yield from wrapped(message, width)
    for reasons in _distinct(", ".join(finding.tainted_by) for finding in findings):
        yield from wrapped(f"because {reasons} (under test) flows into it", width)
    for suggestion in _distinct(finding.suggestion for finding in findings):
        yield from wrapped(f"to make it provable: {suggestion}", width)


def _distinct(texts: Iterator[str]) -> list[str]:
    return list(islice((text for text in dict.fromkeys(texts) if text), SHOWN_SIDES))


def _head(block: Block, count: int, width: int, colour: bool) -> Iterator[str]:
    first, targets = block.first, block.variants()
    names = {"unproven": "cannot prove", "under_test": "under test"}
    what = names.get(first.kind, first.kind)
    head = paint(what, first.kind, colour)
    if not first.path:
        yield f"{head}: {targets[0]}"
        return
    detail = f" ({first.detail})" if first.detail not in ("", "value") else ""
    where = f"in {targets[0]}" if len(targets) == 1 else f"in {len(targets)} of {count} variants"
    if len(f"{what}: {first.path}{detail}, {where}") <= width:
        yield f"{head}: {first.path}{detail}, {where}"
    else:
        yield f"{head}: {first.path}{detail},"
        yield f"{INDENT}{where}"


def _sides(block: Block, width: int) -> Iterator[str]:
    """The value and place of the reference, then those of the variants."""
    first = block.first
    nothing = "-" if first.kind != "unproven" else ""
    lines = [(INDENT, first.reference_value or nothing, str(first.reference_place or ""))]
    for number, _, finding in block.sides[:SHOWN_SIDES]:
        place = str(finding.variant_place or "")
        which = f"{place} ({number})".lstrip() if len(block.sides) > 1 else place
        lines.append(("  -> ", finding.variant_value or nothing, which))
    yield from _value_lines(lines, width)
    if len(block.sides) > SHOWN_SIDES:
        yield f"{INDENT}and in {len(block.sides) - SHOWN_SIDES} more"


def _value_lines(lines: list[tuple[str, str, str]], width: int) -> Iterator[str]:
    """Values with their places beside them where all fit, below them otherwise."""
    size = max(4, *(len(value) for _, value, _ in lines))
    beside = all(len(INDENT) + size + 2 + len(place) <= width for _, _, place in lines)
    for sign, value, place in lines:
        if beside:
            yield f"{sign}{value:<{size}}  {place}".rstrip()
        else:
            yield f"{sign}{value}".rstrip()
            if place:
                yield f"{INDENT}  at {place}"


def paint(text: str, kind: str, colour: bool) -> str:
    code = COLOURS.get(kind)
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code else text
