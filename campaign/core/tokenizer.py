"""Tokenizers in Hugging Face format, without transformers.

The tokenizer of the embedded model is a word list with single characters as fallback, implemented in Python.
Any other `tokenizer.json` is run by the `tokenizers` library.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from campaign.errors import UsageError
from campaign.extras import require
from campaign.folder.regular_files import read_regular
from campaign.folder.untrusted_json import parse_json

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
"""The files of a tokenizer in a Hugging Face folder."""

SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>", "<unk>")


class Tokenizer(Protocol):
    """The tokenizer interface of the core. Special tokens decode to the empty string."""

    def encode(self, text: str) -> list[int]: ...

    def decode(self, ids: Sequence[int]) -> str: ...

    def spans(self, ids: Sequence[int]) -> list[tuple[int, int]]:
        """Character offsets (start, end) of each token in `decode(ids)`."""
        ...

    def save(self, folder: Path) -> None: ...


class WordTokenizer:
    """A word-level tokenizer based on one regular expression; unknown characters are `<unk>`."""

    def __init__(self, vocabulary: dict[str, int], pattern: str) -> None:
        self.vocabulary = vocabulary
        self.pattern = pattern
        self._expression = re.compile(pattern)
        self._unknown = vocabulary["<unk>"]
        by_id = {token_id: token for token, token_id in vocabulary.items()}
        self._pieces = ["" if by_id[i] in SPECIAL_TOKENS else by_id[i] for i in range(len(by_id))]

    @classmethod
    def of_words(cls, words: Sequence[str]) -> WordTokenizer:
        """Words and digits with and without a leading space, and all printable characters."""
        characters = [c for c in string.printable if c.isprintable()] + ["\n"]
        spaced = [f" {c}" for c in string.digits + "+-*=.?"]
        tokens = [form for word in words for form in (word, f" {word}")] + spaced
        vocabulary = list(dict.fromkeys([*SPECIAL_TOKENS, *characters, *tokens]))
        longest_first = sorted((t for t in tokens if len(t) > 1), key=len, reverse=True)
        # A word must not match the beginning of a longer one: "mint" is not "min" + "t".
        forms = (re.escape(t) + (r"\b" if t[-1].isalpha() else "") for t in longest_first)
        pattern = "|".join(forms) + r"|[\s\S]"
        return cls({token: i for i, token in enumerate(vocabulary)}, pattern)

    def encode(self, text: str) -> list[int]:
        vocabulary, unknown = self.vocabulary, self._unknown
        return [vocabulary.get(piece, unknown) for piece in self._expression.findall(text)]

    def decode(self, ids: Sequence[int]) -> str:
        pieces = self._pieces
        return "".join([pieces[i] for i in ids])

    def spans(self, ids: Sequence[int]) -> list[tuple[int, int]]:
        spans: list[tuple[int, int]] = []
        end = 0
        for token_id in ids:
            start, end = end, end + len(self._pieces[token_id])
            spans.append((start, end))
        return spans

    def save(self, folder: Path) -> None:
        special = {
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        document = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [{"id": self.vocabulary[t], "content": t, **special} for t in SPECIAL_TOKENS],
            "normalizer": None,
            "pre_tokenizer": {
                "type": "Split",
                "pattern": {"Regex": self.pattern},
                "behavior": "Isolated",
                "invert": False,
            },
            "post_processor": None,
            "decoder": {"type": "Fuse"},
            "model": {"type": "WordLevel", "vocab": self.vocabulary, "unk_token": "<unk>"},
        }
        settings = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pad_token": "<pad>",
            "bos_token": "<bos>",
            "eos_token": "<eos>",
            "unk_token": "<unk>",
            "padding_side": "left",
            "clean_up_tokenization_spaces": False,
        }
        _write_json(folder / "tokenizer.json", document)
        _write_json(folder / "tokenizer_config.json", settings)


class LibraryTokenizer:
    """Any `tokenizer.json`, run by the `tokenizers` library."""

    def __init__(self, folder: Path) -> None:
        require("model.model: a `tokenizer.json`", "tokenizers")
        import tokenizers

        self._files = {
            name: (folder / name).read_bytes() for name in TOKENIZER_FILES if (folder / name).is_file()
        }
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True)
        return text

    def spans(self, ids: Sequence[int]) -> list[tuple[int, int]]:
        """Computed by decoding every prefix. A token of a byte-level vocabulary may be a part of a character;
        the character is then attributed to the token that completes it."""
        ends = [len(self.decode(ids[: n + 1]).rstrip("\ufffd")) for n in range(len(ids))]
        return list(zip([0, *ends[:-1]], ends, strict=True))

    def save(self, folder: Path) -> None:
        for name, content in self._files.items():
            (folder / name).write_bytes(content)


def load_tokenizer(folder: Path) -> Tokenizer:
    """Loads the tokenizer in `folder`. Raises `UsageError` when it is missing or unreadable."""
    path = folder / "tokenizer.json"
    try:
        document: Any = parse_json(read_regular(path))
    except FileNotFoundError:
        raise UsageError(f"{folder}: there is no tokenizer.json in this model folder") from None
    except ValueError as error:
        raise UsageError(f"{path}: not valid JSON: {error}") from None
    if _is_word_level(document):
        return WordTokenizer(document["model"]["vocab"], document["pre_tokenizer"]["pattern"]["Regex"])
    try:
        return LibraryTokenizer(folder)
    except Exception as error:  # the library raises bare Exception
        raise UsageError(f"{path}: not a tokenizer that the tokenizers library can read: {error}") from None


def _is_word_level(document: Any) -> bool:
    """Whether the file has the form that `WordTokenizer.save` writes."""
    return (
        document.get("model", {}).get("type") == "WordLevel"
        and [t["content"] for t in document.get("added_tokens", [])] == list(SPECIAL_TOKENS)
        and (document.get("pre_tokenizer") or {}).get("behavior") == "Isolated"
        and "Regex" in document["pre_tokenizer"].get("pattern", {})
        and (document.get("decoder") or {}).get("type") == "Fuse"
        and document.get("normalizer") is None
        and document.get("post_processor") is None
    )


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
