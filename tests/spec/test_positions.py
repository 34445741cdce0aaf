"""Positions of keys and values: `index` agrees with tomllib on every document, and every position is right."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.spec.positions import Position, TomlPath, index

BARE = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789_-", min_size=1, max_size=5)
SCALARS = (
    *("1", "-17", "0x1F", "1_000", "3.5e-3", "true", '""', '"a # b"', "'C:\\x'", '"q\\"] }, ="', '"\\u00e9"'),
    *('"""two\nlines " "" """', "'''it's '' so'''", '""""quoted""""', '"""a\\\n   b"""'),
)


@dataclass
class Written:
    """A document as it grows: its text, and where each key and value was put."""

    text: str = ""

    def __post_init__(self) -> None:
        self.keys: dict[TomlPath, Position] = {}
        self.values: dict[TomlPath, Position] = {}

    def here(self) -> Position:
        before = self.text.rpartition("\n")
        return Position(before[0].count("\n") + (1 if before[1] else 0) + 1, len(before[2]) + 1)


def quoted(name: str, style: int) -> str:
    return (name, f'"{name}"', f"'{name}'")[style]


@st.composite
def values(draw: st.DrawFn, doc: Written, path: TomlPath, depth: int = 0) -> None:
    """Write one value at the end of the document."""
    doc.values[path] = doc.here()
    kind = draw(st.integers(0, 5 if depth < 3 else 0))
    if kind == 4:
        doc.text += "[" + draw(st.sampled_from(["", " ", "\n  ", "# [\n"]))
        for number in range(draw(st.integers(0, 3))):
            draw(values(doc, (*path, number), depth + 1))
            doc.text += draw(st.sampled_from([",", " ,\n", ", # , ]\n  "]))
        doc.text += "]"
    elif kind == 5:
        doc.text += "{" + draw(st.sampled_from(["", " "]))
        for number, name in enumerate(draw(st.lists(BARE, max_size=3, unique=True))):
            doc.text += ", " if number else ""
            pair(draw, doc, path, name, depth + 1)
        doc.text += "}"
    else:
        doc.text += draw(st.sampled_from(SCALARS))


def pair(draw: st.DrawFn, doc: Written, table: TomlPath, name: str, depth: int) -> None:
    doc.keys[(*table, name)] = doc.here()
    doc.text += quoted(name, draw(st.integers(0, 2))) + draw(st.sampled_from(["=", " = ", "\t= "]))
    draw(values(doc, (*table, name), depth))


@st.composite
def documents(draw: st.DrawFn) -> Written:
    doc = Written()
    counts: dict[str, int] = {}
    table: TomlPath = ()
    taken: set[str] = set()
    for number in range(draw(st.integers(0, 5))):
        doc.text += draw(st.sampled_from(["", "\n", "# a = 1 [x]\n", "  "]))
        if number:
            name = f"t{draw(st.integers(0, 1))}"
            nested = f"n{number}" if draw(st.booleans()) else ""
            if not nested:
                array = counts.setdefault(name, -1) + 1
                counts[name] = array
                doc.text += f"[[{name}]] # x\n"
                table = (name, array)
            else:
                doc.text += f"[ other . '{nested}' ]\n"
                table = ("other", nested)
            taken = set()
        for name in draw(st.lists(BARE, max_size=3, unique=True)):
            if name in taken or (not table and name in ("t0", "t1", "other")):
                continue
            taken.add(name)
            doc.text += draw(st.sampled_from(["", " ", "\t"]))
            pair(draw, doc, table, name, 0)
            doc.text += draw(st.sampled_from(["\n", " # '''\n", "\n\n"]))
    return doc


@settings(max_examples=400, deadline=None)
@given(documents())
def test_positions_of_any_document_point_where_each_key_and_value_was_written(doc: Written) -> None:
    tomllib.loads(doc.text)
    found = index(doc.text)
    assert {path: found.values.get(path) for path in doc.values} == doc.values
    assert {path: found.keys.get(path) for path in doc.keys} == doc.keys


TOML_DATA = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(max_size=5), TOML_DATA, max_size=4), st.booleans())
def test_positions_of_what_a_toml_writer_wrote_cover_every_value(
    data: dict[str, Any], multiline: bool
) -> None:
    text = tomli_w.dumps(data, multiline_strings=multiline)
    read = tomllib.loads(text)
    found = index(text)
    assert set(leaves(read)) <= found.values.keys()


def leaves(value: Any, at: TomlPath = ()) -> Iterator[TomlPath]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*at, key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for number, item in enumerate(value):
            yield from leaves(item, (*at, number))
    else:
        yield at


def test_positions_with_windows_line_ends_count_lines_once() -> None:
    found = index('a = 1\r\n[b]\r\nc = """x\r\ny"""\r\nd = 2\r\n')
    assert found.values["a",] == Position(1, 5)
    assert found.values["b", "d"] == Position(5, 5)


def test_positions_of_a_missing_path_are_those_of_the_table_around_it() -> None:
    found = index("[training]\nlr = 1\n")
    assert found.value(("training", "betas", 1)) == Position(1, 1)
    assert found.key(("nowhere",)) is None
