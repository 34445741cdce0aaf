"""Edits on TOML and YAML documents, written on lines: layout, order, spelling, values."""

from __future__ import annotations

import itertools
import re

from .families import REFERENCE_VALUE, VARIANT_VALUE
from .source import Source

_PAIR = re.compile(r"^(\s*)([\w]+)(\s*[=:]\s*)(\S.*)$")


def _pairs(source: Source) -> list[int]:
    """Rows that say `key = value` on one line, the field under test left out."""
    return [
        number
        for number, row in enumerate(source.lines)
        if (found := _PAIR.match(row))
        and not found[4].startswith(("&", "*"))
        and found[2] not in ("alpha",)
        and REFERENCE_VALUE not in row
        and VARIANT_VALUE not in row
    ]


def _with_row(source: Source, number: int, *rows: str) -> str:
    return "\n".join([*source.lines[:number], *rows, *source.lines[number + 1 :]])


def _row(source: Source, pattern: str) -> tuple[int, re.Match[str]] | None:
    found = [
        (number, match)
        for number in _pairs(source)
        if (match := re.match(rf"^(\s*\w+\s*[=:]\s*){pattern}$", source.lines[number]))
    ]
    return source.pick(found)


def document_comment(source: Source) -> str | None:
    number = source.pick(_pairs(source))
    return _with_row(source, number, source.lines[number] + "  # as in the paper")


def document_blank_line(source: Source) -> str | None:
    number = source.pick(_pairs(source))
    return _with_row(source, number, "", source.lines[number])


def document_spaces(source: Source) -> str | None:
    number = source.pick(_pairs(source))
    found = _PAIR.match(source.lines[number])
    assert found
    sign = "   =  " if "=" in found[3] else ":   "
    return _with_row(source, number, found[1] + found[2] + sign + found[4])


def document_rows_swapped(source: Source) -> str | None:
    rows = _pairs(source)
    pairs = [
        (left, right)
        for left, right in itertools.pairwise(rows)
        if right == left + 1 and _indent(source.lines[left]) == _indent(source.lines[right])
    ]
    pair = source.pick(pairs)
    if pair is None:
        return None
    left, right = pair
    return "\n".join(
        [*source.lines[:left], source.lines[right], source.lines[left], *source.lines[right + 1 :]]
    )


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip())


def document_quotes(source: Source) -> str | None:
    found = _row(source, r'"(\w+)"')
    return _with_row(source, found[0], f"{found[1][1]}'{found[1][2]}'") if found else None


def document_number_spelled(source: Source) -> str | None:
    found = _row(source, r"(\d+)\.(\d+)")
    return _with_row(source, found[0], found[1][0] + "0") if found else None


def document_number_changed(source: Source) -> str | None:
    found = _row(source, r"(\d+)")
    return _with_row(source, found[0], f"{found[1][1]}{int(found[1][2]) + 1}") if found else None


def document_number_to_float(source: Source) -> str | None:
    found = _row(source, r"(\d+)")
    return _with_row(source, found[0], f"{found[1][1]}{found[1][2]}.0") if found else None


def document_number_to_text(source: Source) -> str | None:
    found = _row(source, r"(\d+)")
    return _with_row(source, found[0], f'{found[1][1]}"{found[1][2]}"') if found else None


def document_text_changed(source: Source) -> str | None:
    found = _row(source, r'"(\w+)"')
    return _with_row(source, found[0], f'{found[1][1]}"{found[1][2]}2"') if found else None


def document_flag_flipped(source: Source) -> str | None:
    found = _row(source, r"(true|false)")
    return (
        _with_row(source, found[0], found[1][1] + ("false" if found[1][2] == "true" else "true"))
        if found
        else None
    )


def document_flag_to_text(source: Source) -> str | None:
    found = _row(source, r"(true|false)")
    return _with_row(source, found[0], f'{found[1][1]}"{found[1][2]}"') if found else None


def document_key_renamed(source: Source) -> str | None:
    number = source.pick(_pairs(source))
    found = _PAIR.match(source.lines[number])
    assert found
    return _with_row(source, number, f"{found[1]}{found[2]}_x{found[3]}{found[4]}")


def document_row_deleted(source: Source) -> str | None:
    return _with_row(source, source.pick(_pairs(source)))


def document_row_added(source: Source) -> str | None:
    number = source.pick(_pairs(source))
    found = _PAIR.match(source.lines[number])
    assert found
    return _with_row(source, number, source.lines[number], f"{found[1]}added_key{found[3]}3")


def document_list_reordered(source: Source) -> str | None:
    found = _row(source, r"\[(.+), (\S+)\]")
    return _with_row(source, found[0], f"{found[1][1]}[{found[1][3]}, {found[1][2]}]") if found else None


def document_list_over_lines(source: Source) -> str | None:
    found = _row(source, r"\[(.+), (\S+)\]")
    if not found:
        return None
    pad = " " * (_indent(source.lines[found[0]]) + 2)
    return _with_row(
        source, found[0], f"{found[1][1]}[", f"{pad}{found[1][2]},", f"{pad}{found[1][3]}", f"{pad}]"
    )


def document_other_run_changed(source: Source) -> str | None:
    return source.text.replace("alpha = 0.3", "alpha = 0.6").replace("alpha: 0.3", "alpha: 0.6")


def yaml_merge_written_out(source: Source) -> str | None:
    """The keys of the anchor are repeated where they were merged; `optim` is overwritten there anyway."""
    found = re.search(r"defaults: &defaults\n((?:  \w+: .*\n)+)  optim:", source.text)
    if not found or "<<: *defaults" not in source.text:
        return None
    rows = "".join("    " + row + "\n" for row in found[1].splitlines())
    return source.text.replace("      <<: *defaults\n", rows, 1)


def yaml_merge_dropped(source: Source) -> str | None:
    return source.text.replace("      <<: *defaults\n", "", 1) if "<<: *defaults" in source.text else None


def yaml_merge_moved_down(source: Source) -> str | None:
    """A merge never overrides, wherever it stands."""
    if "      <<: *defaults\n" not in source.text:
        return None
    moved = source.text.replace("      <<: *defaults\n", "", 1)
    return moved.replace(
        "      optim:\n        kind: sgd\n", "      <<: *defaults\n      optim:\n        kind: sgd\n", 1
    )


def yaml_truth_spelled(source: Source) -> str | None:
    if "anchor" not in source.text and "&defaults" not in source.text:
        return None
    found = _row(source, r"(true|false)")
    return (
        _with_row(source, found[0], found[1][1] + ("yes" if found[1][2] == "true" else "off"))
        if found
        else None
    )


def toml_table_inlined(source: Source) -> str | None:
    found = re.search(r"\n\[runs\.main\.schedule\]\nsteps = (\d+)\n", source.text)
    if not found:
        return None
    text = source.text[: found.start()] + source.text[found.end() :]
    return text.replace('name = "main"\n', f'name = "main"\nschedule = {{ steps = {found[1]} }}\n', 1)


def toml_dotted_key(source: Source) -> str | None:
    found = re.search(r"\n\[runs\.main\.schedule\]\nsteps = (\d+)\n", source.text)
    if not found:
        return None
    text = source.text[: found.start()] + source.text[found.end() :]
    return text.replace('name = "main"\n', f'name = "main"\nschedule.steps = {found[1]}\n', 1)


def toml_underscores(source: Source) -> str | None:
    found = _row(source, r"(\d+)(\d\d)")
    if not found or "[defaults" not in source.text:
        return None
    return _with_row(source, found[0], f"{found[1][1]}{found[1][2]}_{found[1][3]}")


PRESERVING = (
    document_comment,
    document_blank_line,
    document_spaces,
    document_rows_swapped,
    document_quotes,
    document_number_spelled,
    document_list_over_lines,
    document_other_run_changed,
    yaml_merge_written_out,
    yaml_merge_moved_down,
    yaml_truth_spelled,
    toml_table_inlined,
    toml_dotted_key,
    toml_underscores,
)
CHANGING = (
    document_number_changed,
    document_number_to_float,
    document_number_to_text,
    document_text_changed,
    document_flag_flipped,
    document_flag_to_text,
    document_key_renamed,
    document_row_deleted,
    document_row_added,
    document_list_reordered,
    yaml_merge_dropped,
)
