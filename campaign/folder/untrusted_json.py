"""Parses JSON that another program wrote into values that every later step can handle.

Python's own parser accepts more than this package can process: integers of hundreds of digits overflow in every
conversion to a float, half of a surrogate pair cannot be written to any file, and a deeply nested document exhausts
the stack of whoever serialises it.
"""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 64
"""Most levels of nested lists and objects."""
_INT64 = range(-(2**63), 2**63)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_json(data: bytes) -> Any:
    """The value that a document holds. Raises `ValueError` for anything that is not JSON, or nested too deeply.

    Bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD. An integer beyond 64 bits becomes the
    nearest float: with more than 308 digits, infinity.
    """
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    # Most rows are flat, and counting the brackets is much cheaper than looking at the values.
    if text.count("{") + text.count("[") > DEEPEST:
        _require_shallow(value)
    return _without_surrogates(value) if _SURROGATE_ESCAPE.search(text) else value


def _whole_number(digits: str) -> int | float:
    # 20 characters hold every 64-bit integer; int() takes quadratic time and refuses more than 4,300 digits.
    number = int(digits) if len(digits) <= 20 else float(digits)
    return number if isinstance(number, int) and number in _INT64 else float(digits)


_DECODER = json.JSONDecoder(parse_int=_whole_number)


def _require_shallow(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [item for parent in level for item in _items(parent)]
        if not level:
            return
    raise ValueError(f"it is nested too deeply: more than {DEEPEST} levels")


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value
