"""Constant folding: operations on constants are executed by Python itself, within limits on their size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaign.check.evaluator.state import Evaluator
from campaign.check.evaluator.symbolic import symbolic
from campaign.check.values import Origin, Value
from campaign.check.values.constants import NotConcrete, check_size, lift, lower
from campaign.check.values.limits import CHARACTERS_A_STEP, Halt

BITS = 100_000
"""Bits of an integer that one operation may compute."""


def call_on_constants(
    evaluator: Evaluator, function: Callable[..., Any], args: tuple[Any, ...], at: Origin, *inputs: Value
) -> Value:
    """Execute a pure function; `inputs` are the values that the arguments come from."""
    try:
        result = function(*args)
    except Exception as error:
        # Python raises the same exception for the same constants when the file runs.
        raise evaluator.error(type(error), str(error), at) from None
    # Python spends time in proportion to the sizes, and the budget bounds the time of the whole evaluation.
    for item in (*args, result):
        if isinstance(item, str | bytes):
            evaluator.charge(len(item) // CHARACTERS_A_STEP, at)
        elif isinstance(item, int):
            evaluator.charge(item.bit_length() // CHARACTERS_A_STEP, at)
    return lift(result, Origin(at.file, at.line, at.column, tuple(value.origin for value in inputs)))


def call_pure_function(
    evaluator: Evaluator, function: Callable[..., Any], at: Origin, *inputs: Value
) -> Value:
    """Execute a pure function; a symbolic operation when an input is only known at run time."""
    try:
        args = tuple(lower(value.payload) for value in inputs)
    except NotConcrete:
        return symbolic(evaluator, function.__name__, at, *inputs)
    return call_on_constants(evaluator, function, args, at, *inputs)


def refuse_large_result(name: str, a: Any, b: Any, at: Origin) -> None:
    """Refuse a binary operation on constants whose result alone would exhaust the memory. The steps of the budget
    cannot: they are counted between operations."""
    guard = GUARDS.get(name)
    if guard is not None:
        guard(a, b, at)


def refuse_wide_format(text: str, longest: int, at: Origin) -> None:
    """Refuse `text % arguments` with a large width; `longest` is the length of the longest argument."""
    check_size(len(text) + text.count("%") * longest, at)
    digits = "".join(character if character.isdigit() else " " for character in text).split()
    if "*" in text or any(len(number) > 4 for number in digits):
        raise Halt(
            "a format string has a computed width or one of more than 9,999", at, "write the string out"
        )


def _guard_power(a: Any, b: Any, at: Origin) -> None:
    if isinstance(a, int) and isinstance(b, int) and abs(a) > 1 and b > 0 and b * a.bit_length() > BITS:
        raise Halt(f"a power has more than {BITS:,} bits", at, "write a smaller number")


def _guard_shift(a: Any, b: Any, at: Origin) -> None:
    if isinstance(a, int) and isinstance(b, int) and b > BITS:
        raise Halt(f"an integer is shifted by more than {BITS:,} bits", at, "write a smaller number")


def _guard_product(a: Any, b: Any, at: Origin) -> None:
    for text, count in ((a, b), (b, a)):
        if isinstance(text, str | bytes) and isinstance(count, int):
            check_size(len(text) * max(count, 0), at)
    if isinstance(a, int) and isinstance(b, int) and a.bit_length() + b.bit_length() > 2 * BITS:
        raise Halt(f"a product has more than {2 * BITS:,} bits", at, "write a smaller number")


def _guard_modulo(a: Any, b: Any, at: Origin) -> None:
    if isinstance(a, str):
        refuse_wide_format(a, len(b) if isinstance(b, str | bytes) else 0, at)


def _guard_sum(a: Any, b: Any, at: Origin) -> None:
    if isinstance(a, str | bytes) and isinstance(b, str | bytes):
        check_size(len(a) + len(b), at)


GUARDS: dict[str, Callable[[Any, Any, Origin], None]] = {
    "pow": _guard_power, "lshift": _guard_shift, "mul": _guard_product, "mod": _guard_modulo, "add": _guard_sum,
}  # fmt: skip
