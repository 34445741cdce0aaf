"""Turns pydantic's validation errors into problems that name the field, the value and what is legal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from campaign.errors import Problem
from campaign.spec.config import RESERVED_SECTIONS
from campaign.spec.fields import by_leaf, sections
from campaign.spec.positions import TomlPath
from campaign.spec.reading import Document
from campaign.spec.spec import CampaignSection
from campaign.suggest import did_you_mean, listed, suggest

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "float_type": "a number",
    "int_from_float": "an integer",
    "int_type": "an integer",
    "list_type": "a list",
    "model_type": "a table",
    "string_type": "a string",
    "tuple_type": "a list",
    "finite_number": "a finite number",
}
_BOUNDS = {"greater_than": ("above", "gt"), "greater_than_equal": ("at least", "ge"),
           "less_than": ("below", "lt"), "less_than_equal": ("at most", "le")}  # fmt: skip
_TOML_TYPES = {bool: "boolean", int: "integer", float: "float", str: "string"}


def toml_value(value: Any) -> str:
    """A value in TOML notation, shortened to at most 60 characters."""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, str):
        text = '"' + value.encode("unicode_escape").decode().replace('"', '\\"') + '"'
    elif isinstance(value, (list, tuple)):
        text = "[" + ", ".join(toml_value(item) for item in value[:20]) + "]"
    elif isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key} = {toml_value(item)}" for key, item in list(value.items())[:20]) + "}"
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def dotted_path(path: TomlPath) -> str:
    """A path as messages write it: `campaign.seeds[2]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def explain(
    entry: Mapping[str, Any], document: Document, model: type[BaseModel], at: TomlPath = ()
) -> Problem:
    """One error from validating `model` against the value at the path `at` of the document."""
    path = (*at, *entry["loc"])
    if entry["type"] == "extra_forbidden":
        message, hint = _unknown_key(str(path[-1]), entry["loc"][:-1], path[:-1], model)
        return Problem(message, document.place(path), dotted_path(path[:-1]), hint)
    message, hint = message_and_hint(entry)
    return Problem(message, document.place(path, value=True), dotted_path(path), hint)


def message_and_hint(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Message and hint for one of pydantic's errors about a value."""
    kind, value, context = entry["type"], entry.get("input"), entry.get("ctx", {})
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {toml_value(value)}{_toml_type(value)}", ""
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"must be {words} {_bound(context[key])}, got {toml_value(value)}", ""
    return _by_kind(kind, value, context, entry["msg"])


def _by_kind(kind: str, value: Any, context: Mapping[str, Any], message: str) -> tuple[str, str]:
    match kind:
        case "literal_error":
            legal = [part.strip("' ") for part in context["expected"].replace(" or ", ", ").split(", ")]
            return f"expected one of {_quoted(legal)}, got {toml_value(value)}", did_you_mean(
                str(value), legal
            )
        case "named_or_dotted":
            names, path = list(context["legal"]), "a dotted path `pkg.mod.fn`"
            expected = f"one of {_quoted(names)}, or {path}" if names else path
            return f"expected {expected}, got {toml_value(value)}", did_you_mean(str(value), names)
        case "text_form":
            return f"expected {context['form']}, got {toml_value(value)}", ""
        case "string_pattern_mismatch":
            return f"has the wrong form: {toml_value(value)}", f"it must match {context['pattern']}"
        case "too_short":
            return f"needs at least {_values(context['min_length'])}, got {context['actual_length']}", ""
        case "too_long":
            return f"takes at most {_values(context['max_length'])}, got {context['actual_length']}", ""
        case "missing":
            return "is required but missing", ""
        case "value_error":  # raised by a validator of ours, whose message is a sentence already
            return message.removeprefix("Value error, "), ""
        case _:
            return f"{message[:1].lower()}{message[1:]}, got {toml_value(value)}", ""


def _unknown_key(
    name: str, loc: tuple[Any, ...], section: TomlPath, model: type[BaseModel]
) -> tuple[str, str]:
    for part in loc:
        model = _submodel(model, part)
    legal = list(model.model_fields)
    elsewhere = by_leaf().get(name, ())
    where = f"in [{dotted_path(section)}]" if section else "at the top level"
    hint = did_you_mean(name, legal)
    if not hint:
        hint = _belongs_to(name, elsewhere[0].section) if elsewhere else listed(legal, "legal keys")
    return f"unknown key `{name}` {where}", hint


def unknown_section(name: str, value: Any) -> tuple[str, str]:
    """Message and hint for a name at the top level that is not a section."""
    if name in RESERVED_SECTIONS:
        return (
            f"section [{name}] is reserved for a later release",
            f"remove it: it will configure {RESERVED_SECTIONS[name]}",
        )
    homes = [field.section for field in by_leaf().get(name, ())]
    if name in CampaignSection.model_fields:
        return f"unknown key `{name}` at the top level", _belongs_to(name, "campaign")
    if homes and not isinstance(value, dict):
        return f"unknown key `{name}` at the top level", _belongs_to(name, homes[0])
    what = "section" if isinstance(value, (dict, list)) else "key"
    legal = ("campaign", *sections(), "check", "hypotheses")
    return f"unknown {what} `{name}`", suggest(name, legal, "legal sections")


def _belongs_to(name: str, section: str) -> str:
    return f"`{name}` belongs to [{section}]: move it there"


def _submodel(model: type[BaseModel], part: Any) -> type[BaseModel]:
    annotation = model.model_fields[part].annotation if part in model.model_fields else None
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return model


def _toml_type(value: Any) -> str:
    name = _TOML_TYPES.get(type(value))
    return f" ({name})" if name else ""


def _bound(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) or value < 10**6 else f"{value:,}"


def _values(count: int) -> str:
    return f"{count} value{'s' * (count != 1)}"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
