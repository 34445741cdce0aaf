"""Pydantic's errors in the words of the person who wrote the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

from campaign.errors import Problem
from campaign.spec.config import RESERVED_SECTIONS
from campaign.spec.fields import by_leaf, sections
from campaign.spec.positions import TomlPath
from campaign.spec.reading import Document
from campaign.spec.spec import CampaignSection

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "a table",
    "string_type": "text",
    "tuple_type": "a list",
}
_BOUNDS = {"greater_than": ("above", "gt"), "greater_than_equal": ("at least", "ge"),
           "less_than": ("below", "lt"), "less_than_equal": ("at most", "le")}  # fmt: skip
_TOML_TYPES = {
    bool: "true/false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a table",
}


def shown(value: Any) -> str:
    """A value as TOML writes it, cut to what fits a line."""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, str):
        text = '"' + value.encode("unicode_escape").decode().replace('"', '\\"') + '"'
    elif isinstance(value, (list, tuple)):
        text = "[" + ", ".join(shown(item) for item in value[:20]) + "]"
    elif isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key} = {shown(item)}" for key, item in list(value.items())[:20]) + "}"
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def dotted(path: TomlPath) -> str:
    """A place as text: `campaign.seeds[2]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question with the nearest of `known`, or nothing."""
    candidates = sorted(known)
    lowered = {candidate.lower(): candidate for candidate in candidates}
    near = get_close_matches(name.lower().replace("-", "_"), lowered, n=1, cutoff=0.6)
    return f"did you mean `{lowered[near[0]]}`?" if near else ""


def explain(
    entry: Mapping[str, Any], document: Document, model: type[BaseModel], at: TomlPath = ()
) -> Problem:
    """One error of `model`'s validation, which looked at what stands at `at` in the document."""
    path = (*at, *entry["loc"])
    if entry["type"] == "extra_forbidden":
        message, hint = _unknown(str(path[-1]), entry["loc"][:-1], path[:-1], model)
        return Problem(message, document.place(path), dotted(path[:-1]), hint)
    message, hint = say(entry)
    return Problem(message, document.place(path, value=True), dotted(path), hint)


def say(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Message and hint for one of pydantic's errors, about the value alone."""
    kind, value, context = entry["type"], entry.get("input"), entry.get("ctx", {})
    got = shown(value)
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {got}{_type_of(value)}", ""
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"must be {words} {_number(context[key])}, got {got}", ""
    if kind == "finite_number":
        return f"must be a finite number, got {got}", ""
    if kind == "literal_error":
        legal = [part.strip("' ") for part in context["expected"].replace(" or ", ", ").split(", ")]
        return f"{got} is not one of {_listed(legal)}", did_you_mean(str(value), legal)
    if kind == "named_or_dotted":
        names = list(context["legal"])
        legal_text = (
            f"{_listed(names)}, or a dotted path `pkg.mod.fn`" if names else "a dotted path `pkg.mod.fn`"
        )
        return f"{got} is not known; legal: {legal_text}", did_you_mean(str(value), names)
    if kind == "text_form":
        return f"expected {context['form']}, got {got}", ""
    if kind in ("too_short", "too_long"):
        count, bound = context["actual_length"], context.get("min_length", context.get("max_length"))
        words = "at least" if kind == "too_short" else "at most"
        return f"needs {words} {bound} value{'s' * (bound != 1)}, got {count}", ""
    if kind == "missing":
        return "is missing", ""
    if kind == "string_pattern_mismatch":
        return f"has the wrong form: {got}", f"it has to match {context['pattern']}"
    if kind == "value_error":
        return entry["msg"].removeprefix("Value error, "), ""
    return f"{entry['msg'][:1].lower()}{entry['msg'][1:]}, got {got}", ""


def _unknown(name: str, loc: tuple[Any, ...], section: TomlPath, model: type[BaseModel]) -> tuple[str, str]:
    for part in loc:
        model = _submodel(model, part)
    known = list(model.model_fields)
    near = did_you_mean(name, known)
    homes = [field.path for field in by_leaf().get(name, ())]
    where = f"in [{dotted(section)}]" if section else "at the top level"
    if near:
        hint = near
    elif homes:
        hint = f"`{name}` belongs to [{homes[0].split('.')[0]}]"
    else:
        hint = f"legal: {', '.join(known)}"
    return f"unknown key `{name}` {where}", hint


def unknown_section(name: str, value: Any) -> tuple[str, str]:
    """Message and hint for a name at the top level that no section has."""
    if name in RESERVED_SECTIONS:
        return (
            f"section [{name}] is reserved, and this release cannot use it yet",
            f"it will configure {RESERVED_SECTIONS[name]}",
        )
    known = ("campaign", *sections(), "check", "hypotheses")
    homes = [field.section for field in by_leaf().get(name, ())]
    if name in CampaignSection.model_fields:
        return f"unknown key `{name}` at the top level", f"`{name}` belongs to [campaign]"
    if homes and not isinstance(value, dict):
        return f"unknown key `{name}` at the top level", f"`{name}` belongs to [{homes[0]}]"
    what = "section" if isinstance(value, (dict, list)) else "key"
    return f"unknown {what} `{name}`", did_you_mean(name, known) or f"legal sections: {', '.join(known)}"


def _submodel(model: type[BaseModel], part: Any) -> type[BaseModel]:
    annotation = model.model_fields[part].annotation if part in model.model_fields else None
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return model


def _type_of(value: Any) -> str:
    name = _TOML_TYPES.get(type(value))
    return f" ({name})" if name and not isinstance(value, (dict, list)) else ""


def _number(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) or value < 10**6 else f"{value:,}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
