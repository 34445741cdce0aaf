"""Hides secrets in what a check found: a configuration may hold one, and reports of a check are shared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from campaign.check.findings import CheckResult, Finding, VariantResult
from campaign.redact import REDACTED, redact_strings, redact_text, secret_values
from campaign.secret_patterns import names_a_secret

_LITERAL = re.compile(r"[bBrRuU]{0,2}[\"'].+", re.DOTALL)


def without_secrets(result: CheckResult) -> CheckResult:
    """The result with the secrets in values and messages replaced. Verdicts and paths stay the same."""
    secrets = secret_values()
    return replace(
        result,
        variants=tuple(
            VariantResult(
                variant.target, variant.verdict, tuple(_finding(found, secrets) for found in variant.findings)
            )
            for variant in result.variants
        ),
    )


def dump_without_secrets(tree: Any) -> Any:
    """A dumped configuration with its secrets replaced. Its dictionaries are lists of keys and values."""
    secrets = secret_values()

    def hidden(node: Any) -> Any:
        if isinstance(node, Mapping):
            return {key: REDACTED if _is_named(key, item) else hidden(item) for key, item in node.items()}
        if isinstance(node, (list, tuple)):
            if len(node) == 2 and _is_named(*node):
                return [node[0], REDACTED]
            return [hidden(item) for item in node]
        return redact_strings(node, secrets)

    return hidden(tree)


def _is_named(key: object, item: object) -> bool:
    return isinstance(key, str) and isinstance(item, str) and names_a_secret(key)


def _finding(finding: Finding, secrets: tuple[str, ...]) -> Finding:
    field = next((part for part in reversed(re.split(r"[][.'\"]+", finding.path)) if part), "")
    hidden = {value for value in (finding.reference_value, finding.variant_value) if _is_secret(field, value)}

    def shown(text: str) -> str:
        for value in hidden:
            text = text.replace(value, REDACTED)
        return redact_text(text, secrets)

    return replace(
        finding,
        reference_value=shown(finding.reference_value),
        variant_value=shown(finding.variant_value),
        message=shown(finding.message),
        suggestion=shown(finding.suggestion),
    )


def _is_secret(field: str, value: str) -> bool:
    """Whether the field's name says that a literal value of it is a secret."""
    return names_a_secret(field) and bool(_LITERAL.fullmatch(value))
