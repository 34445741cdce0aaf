"""The absolute tree: what `dump` says a config is, against what running it gives.

Verdicts about pairs cannot show a mistake that the evaluator makes on both sides alike; this can.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from campaign.check import dump
from campaign.errors import CampaignError

from .cases import SIDES, load
from .checking import on_disk
from .conformance import Comparison, compare
from .execution import ENVIRONMENTS, Environment, OutOfTimeError, evaluated
from .expressions import expressions, module
from .families import DIALECTS, family
from .mutants import mutants
from .programs import program
from .semantics import QUIRKS, Quirk
from .spread import spread

# A dump shows what a framework was handed as it is in the end; one that copies would keep what it was.
WORLDS = [environment for environment in ENVIRONMENTS if not environment.copies]
REPOSITORY = Path(__file__).resolve().parents[3]


def _compared(
    files: dict[str, str], target: str, entry: str, environments: Sequence[Environment] = WORLDS
) -> Comparison:
    with on_disk(files) as root:
        dumped = dump(target, root, entry or None)
    total = Comparison()
    for environment in environments:
        result = compare(dumped, evaluated(files, target, entry, environment))
        total.compared += result.compared
        total.left_open += result.left_open
        total.wrong += result.wrong
    return total


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_dump_of_generated_config_is_what_running_it_gives(dialect: str) -> None:
    compared = left_open = 0
    for seed in range(6):
        chosen = family(dialect, seed)
        result = _compared(chosen.files, chosen.target, chosen.entry)
        assert result.wrong == [], chosen.text
        compared += result.compared
        left_open += result.left_open
    assert left_open <= 0.1 * compared


def _runnable_mutants(count: int, start: int) -> Iterator[tuple[dict[str, str], str, str]]:
    for pair in mutants(count, start):
        try:
            for environment in ENVIRONMENTS:
                evaluated(pair.files, pair.variant, pair.family.entry, environment)
        except (Exception, SystemExit):
            continue
        yield pair.files, pair.variant, pair.family.entry


def _assert_conforming_mutants(count: int, start: int) -> None:
    compared = refused = 0
    for files, target, entry in _runnable_mutants(count, start):
        try:
            result = _compared(files, target, entry)
        except CampaignError:
            refused += 1
            continue
        assert result.wrong == [], files[target.partition("?")[0].partition(":")[0].partition("#")[0]]
        compared += 1
    assert compared > 0.8 * count
    assert refused <= 0.02 * count


def test_dump_of_mutants_is_what_running_them_gives() -> None:
    _assert_conforming_mutants(150, start=5000)


@pytest.mark.slow
def test_dump_of_many_mutants_is_what_running_them_gives() -> None:
    spread(_assert_conforming_mutants, 1500, start=6000)


def _assert_conforming_programs(count: int, start: int) -> None:
    known = 0
    for seed in range(start, start + count):
        text = program(random.Random(f"program {seed}"))
        try:
            evaluated({"p.py": text}, "p.py", "names:config")
        except Exception:
            continue
        result = _compared({"p.py": text}, "p.py", "names:config", WORLDS[:1])
        assert result.wrong == [], f"seed {seed}\n{text}"
        known += result.left_open == 0
    assert known > 0.75 * count


def test_dump_of_random_programs_is_what_running_them_gives() -> None:
    _assert_conforming_programs(150, start=0)


@pytest.mark.slow
def test_dump_of_many_random_programs_is_what_running_them_gives() -> None:
    spread(_assert_conforming_programs, 3000, start=1000)


def _wrong_expressions(texts: list[str]) -> list[str]:
    """What the dump says otherwise than Python; an expression that is not followed hides no other."""
    files = {"p.py": module(texts)}
    try:
        with on_disk(files) as root:
            dumped = dump("p.py", root, "names:config")
        whole = isinstance(dumped, list)
    except CampaignError:
        whole = False
    if whole:
        return compare(dumped, evaluated(files, "p.py", "names:config", WORLDS[0])).wrong
    if len(texts) == 1:
        return []
    middle = len(texts) // 2
    return _wrong_expressions(texts[:middle]) + _wrong_expressions(texts[middle:])


def _assert_conforming_expressions(count: int, start: int, raising: bool = False) -> None:
    for seed in range(start, start + count):
        texts = expressions(random.Random(f"expressions {seed}"), 100, raising)
        assert _wrong_expressions(texts) == [], texts


def test_dump_of_random_expressions_is_what_python_answers() -> None:
    _assert_conforming_expressions(8, start=0)


def test_dump_of_random_expressions_raising_is_never_a_value() -> None:
    _assert_conforming_expressions(3, start=0, raising=True)


@pytest.mark.slow
def test_dump_of_many_random_expressions_is_what_python_answers() -> None:
    spread(_assert_conforming_expressions, 100, start=100)
    _assert_conforming_expressions(20, start=200, raising=True)


@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.name)
def test_dump_of_quirk_is_what_python_answers(quirk: Quirk) -> None:
    files = {"p.py": quirk.program.replace("NAME", "answer") + "\n"}
    with on_disk(files) as root:
        try:
            dumped = dump("p.py", root, "names:answer")
        except CampaignError:
            return
    assert compare(dumped, quirk.result).wrong == []


@pytest.mark.parametrize("folder", ["traps", "twins"])
def test_dump_of_hand_written_cases_is_what_running_them_gives(folder: str) -> None:
    wrong = {}
    for case in load(folder):
        for side in SIDES:
            try:
                result = _compared(case.files, case.target(side), case.entry)
            except (Exception, SystemExit, OutOfTimeError):
                # What raises when it is run, or is refused, has no tree to compare.
                continue
            if result.wrong:
                wrong[f"{case.name} {side}"] = result.wrong
    assert wrong == {}


def _shipped() -> list[tuple[str, str]]:
    """The configs of the repository: every module of a variant family that is not private."""
    folders = [REPOSITORY / "conditions", REPOSITORY / "examples"]
    found = [
        path for folder in folders for path in sorted(folder.rglob("*.py")) if not path.name.startswith("_")
    ]
    return [
        (path.relative_to(REPOSITORY).as_posix(), "names:config")
        for path in found
        if "\nconfig" in path.read_text()
    ]


@pytest.mark.parametrize(("target", "entry"), _shipped())
def test_dump_of_shipped_config_is_what_running_it_gives(target: str, entry: str) -> None:
    folder = (REPOSITORY / target).parent
    files = {path.relative_to(REPOSITORY).as_posix(): path.read_text() for path in folder.rglob("*.py")}
    result = _compared(files, target, entry)
    assert result.wrong == []


CORNERS = (Path(__file__).parent / "corners.txt").read_text().split("\n----\n")
BESIDE = {"_b.py": "v = 1\nl = [1]\n_p = 2\n"}


def _guarded(text: str) -> str:
    """The program inside `try`: where the evaluator believes in an exception that Python does not raise."""
    body = "".join(f"    {line}\n" for line in text.splitlines())
    return f"try:\n{body}except Exception:\n    config = 'raised'\n"


@pytest.mark.parametrize("guarded", [False, True], ids=["as it is", "inside try"])
@pytest.mark.parametrize("text", CORNERS, ids=range(len(CORNERS)))
def test_dump_of_a_corner_of_python_is_what_running_it_gives(text: str, guarded: bool) -> None:
    if guarded and ("__future__" in text or text.startswith('"""') or "import *" in text):
        pytest.skip("only works at the top of a file")
    files = {"p.py": _guarded(text) if guarded else text + "\n", **BESIDE}
    value = evaluated(files, "p.py", "names:config", WORLDS[0])
    with on_disk(files) as root:
        try:
            dumped = dump("p.py", root, "names:config")
        except CampaignError:
            return
    assert compare(dumped, value).wrong == [], files["p.py"]
