"""Which tokens plan: those that touch a strategic gram in the decoded text.

Grams are found by character offsets, so the mask is the same for words, sub-words and characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from campaign.core.tokenizer import Tokenizer


class PlanningGrams:
    """Finds phrases, whatever their case and spacing; whole words only."""

    def __init__(self, grams: Sequence[str]) -> None:
        phrases = [r"\s+".join(map(re.escape, gram.split())) for gram in grams if gram.split()]
        longest_first = sorted(phrases, key=len, reverse=True)
        # A lookahead finds grams that overlap: "wait let me" and "let me check" share two words.
        self._expression = (
            re.compile(r"(?<!\w)(?=(" + "|".join(longest_first) + r")(?!\w))", re.IGNORECASE)
            if phrases
            else None
        )

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Character offsets (start, end) of the grams in `text`."""
        if self._expression is None:
            return []
        return [found.span(1) for found in self._expression.finditer(text)]

    def mask(self, ids: Sequence[int], text: str, tokenizer: Tokenizer) -> list[bool]:
        """For each token whether it shares a character with a gram; `text` is `ids` decoded."""
        grams = self.spans(text)
        if not grams:
            return [False] * len(ids)
        planned = bytearray(len(text))
        for first, last in grams:
            planned[first:last] = b"\x01" * (last - first)
        return [planned.find(1, start, end) >= 0 for start, end in tokenizer.spans(ids)]
