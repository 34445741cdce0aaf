"""The checker under test, asked about a workspace."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from campaign.check import CheckResult, Declaration, prove
from campaign.errors import CampaignError

from .cases import Case
from .mutants import Pair


@contextmanager
def on_disk(files: Mapping[str, str]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(text.encode())
        yield root


def answer(files: Mapping[str, str], declaration: Declaration) -> tuple[str, str]:
    """The verdict and its reasons; `error` when the check refuses the declaration."""
    with on_disk(files) as root:
        try:
            result = prove(declaration, root)
        except CampaignError as error:
            return "error", str(error)
    return result.verdict, reasons(result)


def reasons(result: CheckResult) -> str:
    told = [
        f"{finding.kind} {finding.path} {finding.detail} {finding.reference_value} -> "
        f"{finding.variant_value} "
        f"{finding.message}"
        for variant in result.variants
        for finding in variant.findings
        if finding.kind in ("confound", "unproven")
    ]
    return "; ".join(told)


def about_pair(pair: Pair) -> tuple[str, str]:
    chosen = pair.family
    declaration = Declaration(
        pair.reference, (pair.variant,), chosen.entry or None, chosen.under_test, derived_ok=chosen.derived
    )
    return answer(pair.files, declaration)


def about_case(case: Case) -> tuple[str, str]:
    declaration = Declaration(
        case.target("reference"),
        (case.target("variant"),),
        case.entry or None,
        case.patterns("under_test"),
        case.patterns("labels"),
        case.patterns("derived_ok"),
    )
    return answer(case.files, declaration)
