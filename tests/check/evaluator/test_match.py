"""What a `match` statement stores depends on its subject, its patterns and its guards."""

from __future__ import annotations

import pytest

from tests.check.conftest import Check

FILE = """lr = {lr}
_flag = {flag}
match _flag:
    case {pattern} if _flag < {bound}:
        x = lr + lr
    case _:
        x = lr * lr
"""
SAME: dict[str, object] = {"flag": 1, "pattern": 1, "bound": 2}


@pytest.mark.parametrize("change", [{"flag": 3}, {"pattern": 4}, {"bound": 0}, {"pattern": "_", "bound": 1}])
def test_a_case_selected_by_another_literal_is_not_explained_by_the_field_under_test(
    check: Check, change: dict[str, object]
) -> None:
    reference = FILE.format(lr=1, **SAME)
    variant = FILE.format(lr=2, **{**SAME, **change})
    result = check(reference, variant, under_test=("lr",), derived_ok=("x",))
    assert result.verdict == "confound"


def test_a_case_selected_alike_on_both_sides_leaves_the_field_under_test_the_only_explanation(
    check: Check,
) -> None:
    result = check(
        FILE.format(lr=1, **SAME), FILE.format(lr=3, **SAME), under_test=("lr",), derived_ok=("x",)
    )
    assert result.verdict == "proven"
