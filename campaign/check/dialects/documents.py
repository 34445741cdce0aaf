"""TOML, YAML and JSON documents: values with their lines, YAML's anchors and merge keys, tables merged by name."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from campaign.check.claim.targets import Entry, Target
from campaign.check.dialects.base import Dialect, Roots, start_of
from campaign.check.evaluator.hashed_containers import merge, store
from campaign.check.evaluator.state import Evaluator
from campaign.check.sources import Unreadable
from campaign.check.values import DictObj, ListObj, Origin, Unknown, Value
from campaign.check.values.constants import lift
from campaign.errors import UsageError

DEEPEST_NESTING = 100
HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?")
KEY = re.compile(r"""^\s*([\w.\-"']+)\s*=""")


class Documents(Dialect):
    """Loads files that are no Python, whatever their entry says."""

    def loads(self, evaluator: Evaluator, target: Target, entry: Entry | None) -> bool:
        return target.is_document

    def load(self, evaluator: Evaluator, target: Target, entry: Entry | None) -> Roots:
        text = evaluator.sources.text(target.path)
        at = start_of(evaluator, target)
        refuse_deep(text)
        root = (
            read_toml(text, at.file) if target.path.endswith(".toml") else read_yaml(evaluator, text, at.file)
        )
        if entry is not None and entry.kind == "merge":
            names = [*entry.names, *([target.fragment] if target.fragment else [])]
            return {"": merge(evaluator, [select(root, name, target) for name in names], at)}, True
        value = select(root, target.fragment, target)
        if entry is not None and entry.kind == "names":
            return {name: select(value, name, target) for name in entry.names}, len(entry.names) == 1
        if entry is not None:
            raise UsageError(f"{target.text}: entry {entry.kind!r} is for Python files")
        return {"": value}, True


def refuse_deep(text: str) -> None:
    """Raises `Unreadable` where brackets are nested deeper than any configuration's."""
    depth = 0
    for char in text:
        if char in "[{":
            depth += 1
            if depth > DEEPEST_NESTING:
                raise Unreadable("is nested too deeply")
        elif char in "]}" and depth:
            depth -= 1


def select(value: Value, path: str, target: Target) -> Value:
    for step in path.split(".") if path else []:
        payload = value.payload
        if isinstance(payload, DictObj) and step in payload.entries:
            value = payload.entries[step][1]
        elif isinstance(payload, ListObj) and step.isdigit() and int(step) < len(payload.items):
            value = payload.items[int(step)]
        else:
            raise UsageError(f"{target.text}: has no {path!r}")
    return value


def read_toml(text: str, file: str) -> Value:
    lines = (line.partition("=")[0] for line in text.splitlines())
    if any(line.count(".") > DEEPEST_NESTING and "," not in line for line in lines):
        raise Unreadable("is nested too deeply")
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # its own, or of an int with too many digits
        line = re.search(r"at line (\d+)", str(error))
        raise Unreadable(f"does not parse: {error}", int(line.group(1)) if line else 0) from None
    return _toml_value(data, (), toml_lines(text), file)


def toml_lines(text: str) -> dict[tuple[str, ...], int]:
    """Line of each key, by its path; arrays of tables are counted."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = HEADER.match(line)
        key = KEY.match(line)
        if header is not None and "=" not in line.partition("]")[0]:
            table = tuple(part.strip().strip("\"'") for part in header.group(1).split("."))
            if line.lstrip().startswith("[["):
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
            lines.setdefault(table, number)
        elif key is not None:
            parts = tuple(part.strip("\"'") for part in key.group(1).split("."))
            lines.setdefault((*table, *parts), number)
    return lines


def _toml_value(data: Any, path: tuple[str, ...], lines: dict[tuple[str, ...], int], file: str) -> Value:
    listed = path
    while listed and listed not in lines:  # an inline table's keys are on the line of the table
        listed = listed[:-1]
    at = Origin(file, lines.get(listed, 1), 1)
    if isinstance(data, dict):
        entries: dict[Any, tuple[Value, Value]] = {
            key: (Value(key, at), _toml_value(item, (*path, key), lines, file)) for key, item in data.items()
        }
        return Value(DictObj(entries), at)
    if isinstance(data, list):
        items = [_toml_value(item, (*path, str(index)), lines, file) for index, item in enumerate(data)]
        return Value(ListObj(items), at)
    literal = Origin(at.file, at.line, at.column, (), "literal", data)
    if isinstance(data, str | int | float | bool):
        return Value(data, literal)
    # Dates have no payload type; the type in front keeps one apart from a string that reads alike.
    return Value(f"{type(data).__name__} {data.isoformat()}", literal)


def read_yaml(evaluator: Evaluator, text: str, file: str) -> Value:
    import yaml  # only here: a check of Python files starts without it

    try:
        node = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text).get_single_node()
        if node is None:
            return Value(None, Origin(file, 1, 1))
        return _YamlReader(evaluator, file, yaml).value(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise Unreadable(f"does not parse: {problem}", mark.line + 1 if mark else 0) from None


class _YamlReader:
    """Turns nodes into values. An alias is the same object as its anchor, as PyYAML constructs it."""

    def __init__(self, evaluator: Evaluator, file: str, yaml: Any) -> None:
        self.evaluator = evaluator
        self.file = file
        self.yaml = yaml
        self.read: dict[int, Value] = {}
        self.scalars = yaml.constructor.SafeConstructor()

    def value(self, node: Any) -> Value:
        at = Origin(self.file, node.start_mark.line + 1, node.start_mark.column + 1)
        self.evaluator.charge(1, at)
        if id(node) in self.read:
            return self.read[id(node)]
        if isinstance(node, self.yaml.ScalarNode):
            value = self.scalar(node, at)
        elif node.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            value = self.unknown_tag(node, at)
        elif isinstance(node, self.yaml.SequenceNode):
            items: list[Value] = []
            value = self.read[id(node)] = Value(ListObj(items), at)  # before its items: it may contain itself
            items.extend(self.value(item) for item in node.value)
        else:
            value = self.read[id(node)] = Value(DictObj({}), at)
            self.mapping(node, value.payload, at)
        self.read[id(node)] = value
        return value

    def unknown_tag(self, node: Any, at: Origin) -> Value:
        return Value(Unknown(f"the YAML tag {node.tag} is not modelled", "write plain values"), at)

    def scalar(self, node: Any, at: Origin) -> Value:
        constructor = self.scalars.yaml_constructors.get(node.tag)
        if constructor is None:
            return self.unknown_tag(node, at)
        try:
            data = constructor(self.scalars, node)
        except (ValueError, self.yaml.YAMLError) as error:
            raise Unreadable(f"does not parse: {error}", at.line) from None
        if data is not None and not isinstance(data, str | int | float | bool | bytes):
            data = f"{type(data).__name__} {data}"
        return lift(data, Origin(at.file, at.line, at.column, (), "literal", data))

    def mapping(self, node: Any, payload: DictObj, at: Origin) -> None:
        """Own keys win over merged ones, earlier merges over later ones."""
        merged: list[Any] = []
        own: list[tuple[Any, Any]] = []
        for key, item in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged.extend(item.value if isinstance(item, self.yaml.SequenceNode) else [item])
            else:
                own.append((key, item))
        # The first mapping of a merge list wins over later ones, and the mapping's own keys over all of them.
        for source in reversed(merged):
            below = self.value(source).payload
            if not isinstance(below, DictObj):
                raise Unreadable("does not parse: `<<` needs a mapping", at.line)
            for key_value, item in below.entries.values():
                store(self.evaluator, payload, key_value, item, at)
        for key, item in own:
            store(self.evaluator, payload, self.value(key), self.value(item), at)
