"""Verifiable rewards: completions are scored against a known answer, according to the problem type.

The final answer is what follows the last `####`, or else the content of the last `\\boxed{}`. Without either,
the whole completion is searched, as its problem type defines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction

_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:\s*/\s*\d+(?:\.\d+)?)?%?|[-+]?\.\d+%?")
_OPTION = re.compile(r"(?<![A-Za-z])\(?([A-Z])\)?(?![A-Za-z])")
_ARTICLES = {"a", "an", "the"}


def final_answer(completion: str) -> str | None:
    """The answer that the completion marks; None when it marks none."""
    _, marker, rest = completion.rpartition("####")
    if marker:
        return rest.strip()
    boxed = _BOXED.findall(completion)
    return boxed[-1].strip() if boxed else None


def reward_of(problem_type: str, completion: str, answer: str) -> float:
    """The reward: 0 or 1, or for `f1` any value between."""
    return _VERIFIERS[problem_type](completion, answer)


def _exact(completion: str, answer: str) -> float:
    marked = final_answer(completion)
    given = completion if marked is None else marked
    return float(" ".join(given.split()) == " ".join(answer.split()))


def _numeric(completion: str, answer: str) -> float:
    marked = final_answer(completion)
    found = _NUMBER.findall(completion if marked is None else marked)
    if not found:
        return 0.0
    given = parse_number(found[-1] if marked is None else found[0])
    expected = parse_number(answer)
    if given is None or expected is None:
        return 0.0
    return float(abs(given - expected) <= Fraction(1, 10**6) * max(abs(expected), Fraction(1, 10**6)))


def parse_number(text: str) -> Fraction | None:
    """A number such as `1,234`, `-3.5`, `2/3` or `50%`, exactly; None for anything else."""
    text = text.strip().replace(",", "").rstrip(".")
    scale = Fraction(1, 100) if text.endswith("%") else Fraction(1)
    try:
        over, _, under = text.rstrip("%").partition("/")
        return scale * Fraction(over.strip()) / (Fraction(under.strip()) if under else 1)
    except (ValueError, ZeroDivisionError):
        return None


def _option(completion: str, answer: str) -> float:
    marked = final_answer(completion)
    found = _OPTION.findall(completion if marked is None else marked.upper())
    if not found:
        return 0.0
    return float((found[-1] if marked is None else found[0]) == answer.strip().strip("()").upper())


def _token_f1(completion: str, answer: str) -> float:
    """F1 score over words, as in SQuAD (arXiv 1606.05250)."""
    marked = final_answer(completion)
    given, expected = _words(completion if marked is None else marked), _words(answer)
    common = sum((Counter(given) & Counter(expected)).values())
    return 2 * common / (len(given) + len(expected)) if common else 0.0


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text.lower()) if word not in _ARTICLES]


_VERIFIERS: dict[str, Callable[[str, str], float]] = {
    "exact": _exact,
    "numeric": _numeric,
    "option": _option,
    "f1": _token_f1,
}

PROBLEM_TYPES = tuple(_VERIFIERS)
