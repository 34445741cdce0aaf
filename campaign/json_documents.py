"""JSON documents of the command line: dataclasses, their serialisation, and their JSON Schema.

The keys of a document are the fields of its dataclass, and the properties listed in the class attribute `WRITTEN`.
Document and schema are generated from the same classes, so they cannot contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any, get_args, get_type_hints

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/{model}"


def as_json(value: Any) -> Any:
    """A dataclass and its values as plain JSON. Keys become strings; a number that is not finite becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        names = [*(field.name for field in fields(value)), *getattr(value, "WRITTEN", ())]
        return {name: as_json(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if hasattr(value, "dtype"):  # a numpy scalar, recognised without importing numpy
        value = value.item()
    return value if not isinstance(value, float) or isfinite(value) else None


def document_schema(document: type, command: str) -> dict[str, Any]:
    """The schema (draft 2020-12) of `as_json` of a dataclass: all keys are required, and no others are allowed."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(document).json_schema(mode="serialization", ref_template=_REF)
    defs = schema.get("$defs", {})
    for cls in _dataclasses(document, set()):
        properties = (schema if cls is document else defs[cls.__name__])["properties"]
        for name in getattr(cls, "WRITTEN", ()):
            getter = getattr(cls, name).fget
            properties[name] = TypeAdapter(get_type_hints(getter)["return"]).json_schema()
    return {"$schema": DIALECT, "$comment": f"written by `campaign schema {command}`", **_closed(schema)}


def _dataclasses(kind: Any, seen: set[Any]) -> Iterator[type]:
    """The dataclass and all dataclasses in the types of its fields, each once."""
    if is_dataclass(kind) and kind not in seen:
        seen.add(kind)
        yield kind  # type: ignore[misc]
        for hint in get_type_hints(kind).values():
            yield from _dataclasses(hint, seen)
    for part in get_args(kind):
        yield from _dataclasses(part, seen)


def _closed(node: Any) -> Any:
    """The schema with all keys required and no others allowed. A number may be null, as `as_json` writes it."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items() if key != "default"}
    if isinstance(properties := node.get("properties"), dict):
        closed["properties"] = {name: _closed(value) for name, value in properties.items()}
        closed |= {"required": sorted(properties), "additionalProperties": False}
    if node.get("type") == "number":
        closed["type"] = ["number", "null"]
    return closed
