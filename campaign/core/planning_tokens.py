"""Planning tokens: those that overlap a strategic gram (a planning phrase) in the decoded text.

Phrases are located by character offsets, so the result does not depend on how the tokenizer splits the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from campaign.core.tokenizer import Tokenizer


class PlanningGrams:
    """Finds planning phrases as whole words, regardless of case and spacing."""

    def __init__(self, grams: Sequence[str]) -> None:
        phrases = [r"\s+".join(map(re.escape, gram.split())) for gram in grams if gram.split()]
        longest_first = sorted(phrases, key=len, reverse=True)
        # A lookahead consumes nothing, so overlapping phrases such as "wait let me" and "let me check" are
        # found.
        self._expression = (
            re.compile(r"(?<!\w)(?=(" + "|".join(longest_first) + r")(?!\w))", re.IGNORECASE)
            if phrases
            else None
        )

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Character offsets (start, end) of the phrases in `text`."""
        if self._expression is None:
            return []
        return [found.span(1) for found in self._expression.finditer(text)]

    def mask(self, ids: Sequence[int], text: str, tokenizer: Tokenizer) -> list[bool]:
        """Whether each token overlaps a phrase. `text` is the decoded `ids`."""
        phrases = self.spans(text)
        if not phrases:
            return [False] * len(ids)
        in_phrase = bytearray(len(text))
        for start, end in phrases:
            in_phrase[start:end] = b"\x01" * (end - start)
        return [in_phrase.find(1, start, end) >= 0 for start, end in tokenizer.spans(ids)]
