"""The proof of a whole campaign file, for `check`, `plan` and `submit` alike."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campaign.check.claim.declaration import Declaration
    from campaign.check.findings import CheckResult
    from campaign.spec.planned_runs import Plan


def prove_spec(
    path: Path,
    given: Mapping[str, Any] | None = None,
    against: str | None = None,
    plan: Plan | None = None,
) -> CheckResult:
    """The proof that a campaign file asks for: its `[check]` table, else its conditions. `given` overrides fields of
    the declaration, `plan` saves reading the file's conditions again.

    Raises `SpecError` or `UsageError` when the file cannot be checked at all.
    """
    from campaign.check import prove
    from campaign.check.claim.declaration import declaration_from_table
    from campaign.errors import Place, Problem, SpecError, UsageError

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise SpecError([Problem(f"does not parse: {error}", Place(str(path)))]) from None
    table = data.get("check")
    if isinstance(table, dict) and (table.get("variants") or table.get("reference")):
        root, prefix = _spec_root(path)
        declaration = declaration_from_table(table, path.resolve().parent, str(path))
        return prove(replace(_prefixed(declaration, prefix), **(given or {})), root, against)
    return _prove_conditions(path, given or {}, against, plan)


def _spec_root(path: Path) -> tuple[Path, str]:
    """Where imports may lead: this folder when the spec lies in it, the spec's folder otherwise."""
    folder, here = path.resolve().parent, Path.cwd().resolve()
    if folder.is_relative_to(here):
        inside = folder.relative_to(here).as_posix()
        return here, "" if inside == "." else f"{inside}/"
    return folder, ""


def _prefixed(declaration: Declaration, prefix: str) -> Declaration:
    return replace(
        declaration,
        reference=prefix + declaration.reference,
        variants=tuple(prefix + target for target in declaration.variants),
        follow=tuple(prefix + glob for glob in declaration.follow),
    )


def _prove_conditions(
    path: Path, given: Mapping[str, Any], against: str | None, plan: Plan | None
) -> CheckResult:
    """A campaign's own conditions: their resolved configurations, and the sources of those that are modules."""
    from campaign.check.campaign_proof import prove_campaign
    from campaign.errors import UsageError
    from campaign.spec import load, resolve
    from campaign.spec.planned_runs import Facts

    if against is not None:
        raise UsageError(
            "--against needs a [check] table or files; the conditions of this spec are in the spec"
        )
    root, prefix = _spec_root(path)
    return prove_campaign(plan or resolve(load(path), Facts()), path, root, prefix, dict(given))


def sentence(result: CheckResult) -> str:
    """The answer in one line, for a plan."""
    if not result.variants:
        return "nothing to compare"
    fields = sorted(
        {f.path for v in result.variants for f in v.findings if f.kind in ("confound", "unproven") and f.path}
    )
    where = f" in {', '.join(fields[:4])}{' ...' if len(fields) > 4 else ''}" if fields else ""
    match result.verdict:
        case "proven":
            return "proven: the conditions differ only in the fields under test"
        case "confound":
            return f"CONFOUND: the conditions differ{where} too, outside the fields under test"
        case _:
            return f"cannot prove that the conditions differ only in the fields under test{where}"
