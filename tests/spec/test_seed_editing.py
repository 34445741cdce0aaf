"""Editing the seeds of a campaign file."""

from __future__ import annotations

import pytest

from campaign.spec.seed_editing import declared_seeds, with_seeds


def test_seeds_are_replaced_and_comments_and_other_tables_stay() -> None:
    text = "# study\n[campaign]  # one\nseeds = [\n  1, # first\n]\n\n[training]\nseeds = [9]\n"
    assert (
        with_seeds(text, (1, 2)) == "# study\n[campaign]  # one\nseeds = [1, 2]\n\n[training]\nseeds = [9]\n"
    )


def test_seeds_are_added_to_a_table_that_has_none() -> None:
    assert with_seeds('[campaign]\nname = "x"\n', (1,)) == '[campaign]\nseeds = [1]\nname = "x"\n'


@pytest.mark.parametrize(
    "text",
    [
        "campaign = {seeds = [1]}\n",
        "campaign.seeds = [1]\n",
        "note = '''\n[campaign]\nseeds = [1]\n'''\ncampaign.seeds = [1]\n",
        "[[campaign.conditions]]\nseeds = [1]\n",
    ],
)
def test_text_that_cannot_be_edited_safely_is_left_alone(text: str) -> None:
    assert with_seeds(text, (1, 2)) is None


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("[campaign]\nseeds = [3, 1]\n", (3, 1)),
        ("[campaign]\n", ()),
        ("[campaign]\nseeds = 3\n", ()),
        ("[campaign]\nseeds = [true]\n", ()),
        ("campaign = 1\n", ()),
        ("", ()),
    ],
)
def test_declared_seeds_are_a_list_of_whole_numbers_or_none(text: str, seeds: tuple[int, ...]) -> None:
    assert declared_seeds(text) == seeds
