"""The tables of `docs/spec.md`: every section and key, from the docstrings of the models.

    python -m campaign.spec.reference docs/spec.md

replaces the tables between the two markers of that file. A test fails when they are out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from campaign.spec.check_section import CheckSection
from campaign.spec.config import RESERVED_SECTIONS
from campaign.spec.constraints import DOTTED
from campaign.spec.explain import toml_value
from campaign.spec.fields import fields, sections
from campaign.spec.hypotheses import Hypothesis
from campaign.spec.section import Section
from campaign.spec.spec import CampaignSection

BEGIN = "<!-- reference: written by `python -m campaign.spec.reference docs/spec.md` -->"
END = "<!-- end of reference -->"

_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
_WORDS = {
    "integer": "integer",
    "number": "number",
    "string": "string",
    "boolean": "boolean",
    "object": "table",
}


def reference() -> str:
    """The tables in Markdown, `[campaign]` first, then the sections of a run's configuration."""
    parts = [_section("campaign", CampaignSection)]
    parts += [_section(name, model) for name, model in sections().items()]
    parts += [_section("check", CheckSection)]
    parts.append(_section("hypotheses", Hypothesis, is_list=True))
    reserved = ", ".join(f"`[{name}]` ({what})" for name, what in RESERVED_SECTIONS.items())
    parts.append(f"Names that are reserved for later releases, and refused until then: {reserved}.\n")
    return "\n".join(parts)


def updated(text: str) -> str:
    """`text` with the tables between its markers replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def _section(name: str, model: type[Section], *, is_list: bool = False) -> str:
    schema = model.model_json_schema()
    head = f"[[{name}]]" if is_list else f"[{name}]"
    in_run = name in sections()
    rows = list(_rows(name, model, schema, in_run=in_run))
    columns = "| key | value | default | identity | |" if in_run else "| key | value | default | |"
    rule = "|---|---|---|---|---|" if in_run else "|---|---|---|---|"
    return "\n".join([f"### `{head}`", "", schema.get("description", ""), "", columns, rule, *rows, ""])


def _rows(name: str, model: type[Section], schema: dict[str, Any], *, in_run: bool) -> Iterator[str]:
    for key, info in model.model_fields.items():
        entry = schema["properties"][key]
        default = "required" if info.is_required() else _default(info.get_default(call_default_factory=True))
        cells = [f"`{key}`", _type(entry, schema), default]
        if in_run:
            cells.append("yes" if fields()[f"{name}.{key}"].kind == "identity" else "")
        cells.append(" ".join((info.description or "").split()).replace("|", "\\|"))
        yield f"| {' | '.join(cells)} |"


def _default(value: Any) -> str:
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, (list, tuple)):
        return " ".join(f"`{toml_value(item)}`" for item in value)
    return f"`{toml_value(value)}`"


def _type(entry: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in entry:
        entry = schema["$defs"][entry["$ref"].rpartition("/")[2]]
    if "anyOf" in entry:
        kinds = [_type(option, schema) for option in entry["anyOf"] if option.get("type") != "null"]
        return " or ".join(filter(None, dict.fromkeys(kinds)))
    if "enum" in entry:
        return ", ".join(f"`{item}`" for item in entry["enum"])
    if "const" in entry:
        return f"`{entry['const']}`"
    if entry.get("type") == "array":
        inner: dict[str, Any] = entry.get("items") or next(iter(entry.get("prefixItems", [])), {})
        return f"list of: {_type(inner, schema)}"
    if entry.get("pattern") == DOTTED:
        return "dotted path"
    kind = _WORDS.get(entry.get("type", ""), "any value")
    return f"{kind} {bounds}" if (bounds := _bounds(entry)) else kind


def _bounds(entry: dict[str, Any]) -> str:
    """`≥ 0 and < 1`. Bounds of a thousand million only keep mistakes out, and are not documented."""
    return " and ".join(
        f"{sign} {entry[key]:,}" if abs(entry[key]) >= 10**4 else f"{sign} {entry[key]:g}"
        for key, sign in _BOUNDS.items()
        if key in entry and entry[key] < 10**9
    )


def main() -> None:
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
