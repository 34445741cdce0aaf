"""Any file gives a plan or a `SpecError` with positions, and never another exception."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from campaign.errors import Problem, SpecError
from campaign.spec.check_section import CheckSection
from campaign.spec.config import RESERVED_SECTIONS
from campaign.spec.fields import fields, sections
from campaign.spec.load import from_document, load
from campaign.spec.plan_json import plan_from_json, plan_to_json
from campaign.spec.reading import parse
from campaign.spec.resolve import resolve
from campaign.spec.spec import CampaignSection
from tests.spec.malformed import CASES

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
REAL = [
    path.read_text()
    for folder in ("examples", "templates")
    for path in sorted((ROOT / folder).glob("*.toml"))
]

KEYS = st.sampled_from(
    [
        *sections(), "campaign", "check", "hypotheses", *RESERVED_SECTIONS,
        *(field.name for field in fields().values()), *fields(),
        *CampaignSection.model_fields, *CheckSection.model_fields, "name", "module", "core.options.x",
    ]
) | st.text(max_size=6)  # fmt: skip
SCALARS = (
    st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats()
    | st.sampled_from(
        ["grpo", "maxrl", "gtpo", "none", "a.b.c", "embedded", "bfloat16", "../x", "continue", ""]
    )
    | st.text(max_size=8)
    | st.sampled_from([date(2020, 2, 2), time(12, 30)])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
DATA = st.dictionaries(KEYS, VALUES, max_size=6)


@st.composite
def shaped(draw: st.DrawFn) -> dict[str, Any]:
    """Documents with the structure of a campaign, so that rules over several fields are reached too."""
    document = dict(draw(st.dictionaries(KEYS, VALUES, max_size=2)))
    campaign: dict[str, Any] = dict(draw(st.dictionaries(KEYS, VALUES, max_size=1)))
    if draw(st.booleans()):
        campaign["conditions"] = draw(st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=3))
    if draw(st.booleans()):
        campaign["factors"] = draw(st.dictionaries(KEYS, st.lists(SCALARS, max_size=3) | VALUES, max_size=3))
        campaign["exclude"] = draw(st.lists(st.dictionaries(KEYS, VALUES, max_size=2), max_size=2))
    document["campaign"] = campaign
    for section in draw(st.lists(st.sampled_from(sorted(sections())), max_size=2, unique=True)):
        names = sorted(sections()[section].model_fields)
        document[section] = draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=3))
    return document


def legal(path: str) -> list[Any]:
    """Some values that are valid for the field."""
    found = []
    section, _, name = path.partition(".")
    for value in (
        0,
        1,
        2,
        0.25,
        0.5,
        3e-4,
        "a.b",
        "maxrl",
        "none",
        "bfloat16",
        "auto",
        "x",
        "0" * 64,
        ["add"],
        [1],
        [0.5, 0.6],
        {"x": 1},
    ):
        try:
            sections()[section].model_validate_json(json.dumps({name: value}))
        except ValidationError:
            continue
        found.append(value)
    return found


USABLE = {
    path: legal(path)
    for path in fields()
    if not path.startswith(("execution.", "ray.", "core.", "data.")) and path != "training.seed"
}
FIELDS = st.sampled_from(sorted(USABLE))


@st.composite
def likely(draw: st.DrawFn) -> dict[str, Any]:
    """Documents in which every value is valid for its field: most of them are valid campaigns."""
    document: dict[str, Any] = {
        "campaign": {"seeds": draw(st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True))}
    }
    varied = draw(st.lists(FIELDS, min_size=1, max_size=3, unique=True))
    if draw(st.booleans()):
        document["campaign"]["factors"] = {path: draw(st.permutations(USABLE[path])) for path in varied}
    else:
        entry = st.fixed_dictionaries({path: st.sampled_from(USABLE[path]) for path in varied})
        document["campaign"]["conditions"] = draw(st.lists(entry, min_size=1, max_size=4))
    for path in draw(st.lists(FIELDS, max_size=3, unique=True)):
        section, _, name = path.partition(".")
        document.setdefault(section, {})[name] = draw(st.sampled_from(USABLE[path]))
    return document


def attempted(action: Callable[[], T]) -> tuple[T | None, tuple[Problem, ...]]:
    try:
        return action(), ()
    except SpecError as error:
        return None, error.problems


def places_fit(problems: tuple[Problem, ...], file: str, lines: int) -> None:
    for problem in problems:
        assert problem.place
        assert problem.place.file == file
        assert 1 <= (problem.place.line or 0) <= lines
        assert (problem.place.column or 0) >= 1


def answered(text: str, *, must_parse: bool = False) -> None:
    """Checks that `text` gives a plan that survives JSON, or problems that each have a position."""
    file = "campaign.toml"
    document, problems = attempted(lambda: parse(text, file))
    if document is None:
        assert problems[0].place
        assert not must_parse or re.search("is empty|nested too deeply", problems[0].message)
        return
    spec, problems = attempted(lambda: from_document(document, Path(file)))
    if spec is None:
        places_fit(problems, file, lines=text.count("\n") + 1)
        return
    plan = resolve(spec)
    assert len(plan.runs) == len(plan.conditions) * len(plan.seeds)
    assert len({run.id.casefold() for run in plan.runs}) == len(plan.runs)
    assert len({run.identity for run in plan.runs}) >= len(plan.seeds)
    assert plan_from_json(plan_to_json(plan)) == plan


@settings(max_examples=600, deadline=None)
@given(DATA | shaped() | likely())
def test_any_toml_document_gets_a_plan_or_problems_with_places(data: dict[str, Any]) -> None:
    answered(tomli_w.dumps(data), must_parse=True)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(REAL + [case.text for case in CASES]), st.data())
def test_a_real_spec_cut_or_overwritten_anywhere_gets_an_answer(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 40)) | st.just(len(text)))
    filling = data.draw(
        st.sampled_from(
            ["", "\n", "=", "[", "]]", '"', "'''", "nan", "1e999", "[[campaign.conditions]]\n", "\0", "é"]
        )
        | st.text(max_size=5)
    )
    answered(text[:start] + filling + text[stop:])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_get_an_answer(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.toml"
        path.write_bytes(raw)
        spec, problems = attempted(lambda: load(path))
        if spec is None:
            assert all(problem.place and problem.place.file == str(path) for problem in problems)
        else:
            resolve(spec)
