"""False alarms and misses of `campaign check` and of common ways to compare two configs, on generated mutants.

    python -W ignore benchmarks/check_vs_naive.py [--mutants 5000] [--chains 1000] [--write]

Both sides of every pair are executed in several environments, and the differences outside the declared fields
are the ground truth. A *miss* is a pair that differs and passes; an *alarm* is a pair that agrees and does not
pass, counted over pairs whose edits are all intended to preserve behaviour (a reformat, a renamed local variable, a named
constant). `--write` writes the table to docs/check-accuracy.md.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import re
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests" / "check"))

from oracle.checking import about_pair  # noqa: E402
from oracle.edits import EDITS  # noqa: E402
from oracle.families import REFERENCE_VALUE, VARIANT_VALUE  # noqa: E402
from oracle.mutants import DOCUMENTS, Pair, chains, mutants  # noqa: E402

PAGE = REPOSITORY / "docs" / "check-accuracy.md"
BEGIN, END = "<!-- table: benchmarks/check_vs_naive.py -->", "<!-- end of table -->"
SENTINEL = re.compile(rf"{re.escape(REFERENCE_VALUE)}|{re.escape(VARIANT_VALUE)}")


def text_diff(pair: Pair) -> bool:
    """Passes when all lines that differ are lines that hold the field under test."""
    lines = difflib.ndiff(pair.family.text.splitlines(), pair.variant_text.splitlines())
    return all(SENTINEL.search(line) for line in lines if line[:2] in ("- ", "+ "))


def erased_text(pair: Pair) -> bool:
    """A regular expression blanks the value of the field; comments and white space do not count."""

    def essence(text: str) -> str:
        text = re.sub(r"#.*", "", SENTINEL.sub("X", text))
        return re.sub(r"\s+", "", text).replace(",)", ")")

    return essence(pair.family.text) == essence(pair.variant_text)


def field_values(pair: Pair) -> bool:
    """Regular expressions collect every `name = value`; all but the field under test must agree."""

    def assigned(text: str) -> list[tuple[str, str]]:
        pairs = re.findall(r"^\s*\"?([\w.]+)\"?\s*[=:]\s*([^#\n]+?),?\s*(?:#.*)?$", text, flags=re.M)
        return sorted((name, value) for name, value in pairs if not SENTINEL.search(value))

    return assigned(pair.family.text) == assigned(pair.variant_text)


def syntax_trees(pair: Pair) -> bool:
    """`ast.dump` of both files after the calls and assignments that name the field were erased."""
    if pair.family.dialect in DOCUMENTS:
        return erased_text(pair)

    class Erase(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            return ast.Constant("X") if SENTINEL.fullmatch(repr(node.value)) else node

    try:
        left, right = (
            ast.dump(Erase().visit(ast.parse(text))) for text in (pair.family.text, pair.variant_text)
        )
    except SyntaxError:
        return False
    return left == right


def checked(pair: Pair) -> bool:
    return about_pair(pair)[0] == "proven"


WAYS: dict[str, Callable[[Pair], bool]] = {
    "`campaign check`": checked,
    "text diff, lines of the field left out": text_diff,
    "text with the field blanked by a regular expression": erased_text,
    "regular expressions over `name = value`": field_values,
    "`ast.dump` with the field erased": syntax_trees,
}


@dataclass
class Count:
    misses: int = 0
    alarms: int = 0
    seconds: float = 0.0


@dataclass
class Measurement:
    differing: int = 0
    preserved: int = 0
    masked: int = 0
    """Pairs that agree although an edit meant to change something: it hit a value that nothing reads."""
    counts: dict[str, Count] | None = None


def measured(pairs: Iterable[Pair]) -> Measurement:
    counts = {name: Count() for name in WAYS}
    result = Measurement(counts=counts)
    for pair in pairs:
        differs = bool(pair.separated)
        preserving = set(pair.intents) == {"preserving"}
        result.differing += differs
        result.preserved += preserving and not differs
        result.masked += not preserving and not differs
        for name, passes in WAYS.items():
            begin = time.process_time()
            passed = passes(pair)
            counts[name].seconds += time.process_time() - begin
            counts[name].misses += differs and passed
            counts[name].alarms += preserving and not differs and not passed
    return result


def table(result: Measurement, pairs: int) -> str:
    assert result.counts is not None
    rows = [
        f"{pairs} pairs, {len(EDITS)} kinds of edit: {result.differing} differ when they are run, "
        f"{result.preserved} agree after edits that mean to preserve, {result.masked} agree although an "
        "edit meant to change something (it hit a value that nothing reads; in neither column).",
        "",
        "| way | misses (differ, but pass) | alarms (agree, but do not pass) | CPU ms / pair |",
        "|---|---:|---:|---:|",
    ]
    for name, count in result.counts.items():
        misses = f"{count.misses} ({_percent(count.misses, result.differing)})"
        alarms = f"{count.alarms} ({_percent(count.alarms, result.preserved)})"
        rows.append(f"| {name} | {misses} | {alarms} | {1000 * count.seconds / pairs:.1f} |")
    return "\n".join(rows)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=5000)
    parser.add_argument("--chains", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="put the table into docs/check-accuracy.md")
    options = parser.parse_args()
    pairs = chain(mutants(options.mutants, start=20_000), chains(options.chains, start=20_000))
    text = table(measured(pairs), options.mutants + options.chains)
    sys.stdout.write(text + "\n")
    if options.write:
        page = PAGE.read_text()
        before, _, rest = page.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
