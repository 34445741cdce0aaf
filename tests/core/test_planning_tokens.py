"""Planning tokens: found by characters, whatever the tokens are."""

from __future__ import annotations

import pytest

from campaign.core.planning_tokens import PlanningGrams
from campaign.core.tokenizer import WordTokenizer

GRAMS = PlanningGrams(("let me think", "wait let me", "let me check"))


def marked(tokenizer: WordTokenizer, text: str) -> list[str]:
    ids = tokenizer.encode(text)
    return [
        tokenizer.decode([i]) for i, plans in zip(ids, GRAMS.mask(ids, text, tokenizer), strict=True) if plans
    ]


def test_tokens_of_a_gram_plan_and_others_do_not(tokenizer: WordTokenizer) -> None:
    assert marked(tokenizer, " let me think first 1 + 2") == [" let", " me", " think"]


def test_overlapping_grams_all_count(tokenizer: WordTokenizer) -> None:
    assert marked(tokenizer, " 7 wait let me check 3") == [" wait", " let", " me", " check"]


def test_characters_are_marked_like_words(tokenizer: WordTokenizer) -> None:
    text = "x Let  me\nTHINK!"
    assert "".join(marked(tokenizer, text)) == "Let  me\nTHINK"


@pytest.mark.parametrize("text", [" let me", " outlet me think", " let me thinking", " let me 3 think", ""])
def test_what_only_looks_like_a_gram_is_none(tokenizer: WordTokenizer, text: str) -> None:
    assert marked(tokenizer, text) == []


def test_no_grams_mark_nothing(tokenizer: WordTokenizer) -> None:
    ids = tokenizer.encode(" let me think")
    assert PlanningGrams(()).mask(ids, " let me think", tokenizer) == [False] * 3


def test_special_tokens_never_plan(tokenizer: WordTokenizer) -> None:
    ids = [*tokenizer.encode(" let me think"), 2]
    assert GRAMS.mask(ids, " let me think", tokenizer) == [True, True, True, False]
