"""What has to hold before anything is spent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from campaign.check.findings import CheckResult
    from campaign.spec.planned_runs import Plan

HOW_TO_GO_ON = """Make the fields equal, or name them in `under_test` if they belong to the question;
--allow-confounds REASON runs all the same, and every report says so."""


def preflight(plan: Plan, spec: Path, allow_confounds: str | None) -> CheckResult:
    """What has to hold before anything is spent: the conditions differ only in the fields under test.

    Raises `Confounded` when they do not and no reason was given to go on all the same.
    """
    from campaign.check.output.text import to_text
    from campaign.cli.console import stderr
    from campaign.cli.proving import prove_spec, sentence
    from campaign.errors import Confounded

    result = prove_spec(spec, plan=plan)
    if result.verdict == "confound":
        if allow_confounds is None:
            said = to_text(result, max(60, stderr().width), False, False).rstrip()
            raise Confounded(f"nothing was started: {sentence(result)}\n\n{said}\n\n{HOW_TO_GO_ON}")
        stderr().print(f"{sentence(result)}; allowed: {allow_confounds}", style="yellow", soft_wrap=True)
    elif result.verdict == "unproven":
        stderr().print(f"{sentence(result)}; see: campaign check {spec}", style="yellow", soft_wrap=True)
    return result
