"""The tokenizer's own implementation against the `tokenizers` library on the same file."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaign.core.policy import EMBEDDED
from campaign.core.tasks import SOURCES, draw_task, prompt_of
from campaign.core.tokenizer import LibraryTokenizer, WordTokenizer, load_tokenizer
from campaign.core.traces import WORDS
from campaign.core.warmup import build_tokenizer
from campaign.errors import UsageError

pieces = st.sampled_from(
    [*WORDS, *(f" {w}" for w in WORDS), " 3", "7", "\n", " ", "mint", "thinker", "é", "#"]
)
texts = st.one_of(st.lists(pieces).map("".join), st.text(string.printable + "äß∂"))
library = LibraryTokenizer(EMBEDDED)


@given(texts)
@example("Q: add 1 2\nA: let me think")
def test_word_tokenizer_gives_the_ids_of_the_library(tokenizer: WordTokenizer, text: str) -> None:
    assert tokenizer.encode(text) == library.encode(text)


@given(texts)
def test_word_tokenizer_decodes_like_the_library(tokenizer: WordTokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == library.decode(ids)


@given(texts)
def test_spans_tile_the_decoded_text(tokenizer: WordTokenizer, text: str) -> None:
    ids = [1, *tokenizer.encode(text), 2]
    decoded = tokenizer.decode(ids)
    spans = tokenizer.spans(ids)
    assert "".join(decoded[start:end] for start, end in spans) == decoded
    assert spans == library.spans(ids)


def test_prompts_are_tokens_and_back(tokenizer: WordTokenizer) -> None:
    for source in SOURCES:
        prompt = prompt_of(draw_task(source, "train 0", 1, 9))
        assert tokenizer.decode(tokenizer.encode(prompt)) == prompt


def test_shipped_tokenizer_is_the_one_the_recipe_builds(tokenizer: WordTokenizer) -> None:
    built = build_tokenizer()
    assert (built.vocabulary, built.pattern) == (tokenizer.vocabulary, tokenizer.pattern)


def test_saved_library_tokenizer_is_loaded_again(tmp_path: Path) -> None:
    library.save(tmp_path)
    assert load_tokenizer(tmp_path).encode("Q: add 1 2") == library.encode("Q: add 1 2")


def test_missing_and_broken_tokenizer_files_are_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no tokenizer\.json"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UsageError, match="not valid JSON"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"model": {"type": "BPE"}}')
    with pytest.raises(UsageError, match="not a tokenizer"):
        load_tokenizer(tmp_path)
