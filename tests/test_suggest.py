"""`campaign.suggest`: which name is suggested for a misspelt one, and in what words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from campaign.suggest import closest, did_you_mean, listed, suggest

FIELDS = ["lr", "max_steps", "batch_size", "group_size", "kl_coef"]
PACKAGE = Path(__file__).parents[1] / "campaign"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("batchsize", "batch_size"),
        ("Batch-Size", "batch_size"),
        ("kl_ceof", "kl_coef"),
        ("steps", "max_steps"),
        ("lrr", "lr"),
        ("zebra", None),
        ("", None),
    ],
)
def test_closest_finds_typing_errors_and_nothing_else(written: str, meant: str | None) -> None:
    assert closest(written, FIELDS) == meant


def test_closest_folds_case_and_hyphens_of_the_candidates_too() -> None:
    assert closest("A-B_c-D", ["a_b-C_d", "other"]) == "a_b-C_d"


def test_closest_with_a_higher_cutoff_finds_less() -> None:
    assert closest("steps", FIELDS, cutoff=0.8) is None


def test_did_you_mean_puts_what_goes_before_only_in_front_of_a_question() -> None:
    assert did_you_mean("lrr", FIELDS, before="; ") == "; did you mean `lr`?"
    assert did_you_mean("zebra", FIELDS, before="; ") == ""


def test_suggest_lists_the_candidates_when_none_is_similar() -> None:
    assert suggest("lrr", FIELDS, "legal keys") == "did you mean `lr`?"
    assert suggest("zebra", ["a", "b"], "legal keys") == "legal keys: a, b"
    assert suggest("zebra", [], "legal keys") == "legal keys: none"


def test_listed_counts_what_it_leaves_out() -> None:
    assert listed(["a", "b", "c"], "runs", most=2) == "runs: a, b and 1 more"


def test_no_other_module_has_its_own_wording_of_a_suggestion() -> None:
    own_wording = re.compile(r"get_close_matches|did you mean")
    found = [path.name for path in PACKAGE.rglob("*.py") if own_wording.search(path.read_text("utf-8"))]
    assert found == ["suggest.py"]
