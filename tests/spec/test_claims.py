"""`[[hypotheses]]`: each table is valid, and names conditions that exist."""

from __future__ import annotations

import pytest

from campaign.errors import SpecError
from tests.spec.conftest import Loader

CONDITIONS = '[[campaign.conditions]]\nname = "base"\n[[campaign.conditions]]\nname = "kl"\nkl_coef = 0.1\n'


def test_a_hypothesis_about_the_campaigns_conditions_is_kept_as_written(spec_of: Loader) -> None:
    text = (
        CONDITIONS
        + "[[hypotheses]]\nname = 'h'\nmetric = 'correct_rate'\nbaseline = 'base'\ncandidate = 'kl'\n"
    )
    (hypothesis,) = spec_of(text).hypotheses
    assert hypothesis == {"name": "h", "metric": "correct_rate", "baseline": "base", "candidate": "kl"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("metric = 'x'\n", "hypotheses[0].name: is required but missing"),
        (
            "name = 'h'\nmetric = 'x'\ncandidate = 'kll'\n",
            ':9:13: hypotheses[0].candidate: there is no condition "kll"',
        ),
        ("name = 'h'\nmetric = 'x'\ndirection = 'lwer'\n", "did you mean `lower`?"),
        ("name = 'h'\nmetric = 'x'\nmin_efect = 0.1\n", ":9:1: hypotheses[0]: unknown key `min_efect`"),
        (
            "name = 'h'\nmetric = 'x'\nsummary = 'tail:x'\n",
            ":9:11: hypotheses[0].summary: has the wrong form",
        ),
        ("name = 'h'\nmetric = 'x'\ncontrast = {base = 1.0, kl = 1.0}\n", "sum to zero"),
        (
            "name = 'h'\nmetric = 'x'\nranking = ['kl', 'bas']\n",
            "hypotheses[0].ranking[1]: there is no condition",
        ),
        (
            "name = 'h'\nmetric = 'x'\n[[hypotheses]]\nname = 'h'\nmetric = 'y'\n",
            'two hypotheses are named "h"',
        ),
    ],
)
def test_an_invalid_hypothesis_is_refused_with_its_position(
    table: str, message: str, spec_of: Loader
) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(f"{CONDITIONS}[[hypotheses]]\n{table}")
    assert message in str(caught.value)
