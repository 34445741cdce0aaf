"""How to cite a campaign: a BibTeX entry, and strings as LaTeX sets them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from campaign.folder.plan_document import plan_hash
from campaign.report.campaign_record import CampaignRecord
from campaign.version import __version__

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"{\char34}", "`": r"\textasciigrave{}",
    "±": r"$\pm$", "\u2212": r"$-$", "≥": r"$\geq$", "≤": r"$\leq$",
}  # fmt: skip


def latex(text: str) -> str:
    """`text` with everything that LaTeX would interpret escaped, on one line and without control characters."""
    line = " ".join(text.split())
    plain = "".join(letter for letter in line if unicodedata.category(letter)[0] != "C")
    escaped = "".join(_ESCAPES.get(letter, letter) for letter in plain)
    return re.sub(r"([-',])(?=\1)", r"\1{}", escaped)  # no ligatures: an option `--config` keeps both hyphens


def bibtex(record: CampaignRecord) -> str:
    """A `@misc` entry with the campaign's name, its date, the git commit of its code, and the hash of its plan."""
    git = record.provenance.get("git")
    commit = git.get("commit") if isinstance(git, Mapping) else None
    dirty = isinstance(git, Mapping) and bool(git.get("dirty"))
    digest = plan_hash(record.plan) if record.plan.runs else None
    notes = [
        f"git commit {commit}{' with uncommitted changes' if dirty else ''}"
        if commit
        else "no git commit recorded",
        f"plan sha256:{digest}" if digest else "no plan recorded",
        f"{record.count('done')} of {len(record.runs)} runs done",
        f"run with campaign {__version__}",
    ]
    year, month, day = _date(record.provenance)
    fields: dict[str, Any] = {
        "key": latex(record.name),  # what styles sort by, because there is no author
        "title": f"{{{latex(record.name)}: an experiment campaign}}",
        "year": year,
        "month": month,
        "note": latex("; ".join([*([f"submitted {year}-{month}-{day}"] if year else []), *notes])),
    }
    key = re.sub(r"[^A-Za-z0-9]+", "-", record.name).strip("-") or "campaign"
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key}-{(digest or 'unplanned')[:8]},", *lines, "}"]) + "\n"


def _date(provenance: Mapping[str, Any]) -> tuple[str, str, str]:
    """Year, month and day of the latest submit that started runs; empty when it was not recorded."""
    found = re.match(r"(\d{4})-(\d{2})-(\d{2})", str(provenance.get("time") or ""))
    return (found[1], found[2], found[3]) if found else ("", "", "")
