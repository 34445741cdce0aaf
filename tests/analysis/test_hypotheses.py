"""What is declared: validation, the frozen record, extensions."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from campaign.analysis.extension import extend
from campaign.errors import UsageError
from campaign.spec.hypotheses import (
    Extension,
    Frozen,
    Hypothesis,
    changes,
    freeze,
    keep_frozen,
    look_problems,
    read_frozen,
    read_hypotheses,
)


def hypothesis(**fields: Any) -> Hypothesis:
    return read_hypotheses([{"name": "h", "metric": "correct_rate", **fields}])[0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"contrast": {"a": 1, "b": 1}}, "sum to zero"),
        ({"contrast": {"a": 1, "b": -1}, "baseline": "a"}, "cannot be combined"),
        ({"contrast": {"a": 1, "b": -1}, "test": "welch"}, "within each seed"),
        ({"baseline": "a", "candidate": ["b", "a"]}, "both the baseline and a candidate"),
        ({"candidate": ["b", "b"]}, "lists a condition twice"),
        ({"ranking": ["a"]}, "at least two"),
        ({"alpha": 0.0}, "greater than 0"),
        ({"alpha": 0.5}, "less than 0.5"),
        ({"min_effect": -1}, "greater than or equal to 0"),
        ({"min_pairs": 1}, "greater than or equal to 2"),
        ({"summary": "best"}, "pattern"),
        ({"summary": "tail:0"}, "pattern"),
        ({"direction": "up"}, "higher"),
        ({"test": "anova"}, "paired"),
        ({"unknown": 1}, "not permitted"),
        ({"name": ""}, "at least 1 character"),
    ],
)
def test_contradictory_hypothesis_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        hypothesis(**fields)


def test_hypothesis_threshold_is_the_smallest_effect_unless_given() -> None:
    assert hypothesis(min_effect=0.02).litmus_threshold == 0.02
    assert hypothesis(min_effect=0.02, threshold=0.0).litmus_threshold == 0.0


@pytest.mark.parametrize(
    ("looks", "seeds", "count"),
    [
        ((8, 16), 8, 0),
        ((8, 16), 16, 0),
        ((16, 8), 8, 1),
        ((8, 8), 8, 1),
        ((1, 8), 8, 1),
        ((4,), 8, 1),
        ((), 8, 0),
    ],
)
def test_look_problems(looks: tuple[int, ...], seeds: int, count: int) -> None:
    assert len(look_problems(looks, seeds)) == count


def test_hypothesis_in_the_documentation_is_valid() -> None:
    page = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")
    document = tomllib.loads(page.split("```toml\n", 1)[1].split("```", 1)[0])
    (made,) = read_hypotheses(document["hypotheses"])
    assert made.mechanism is not None
    assert look_problems(document["campaign"]["looks"], len(document["campaign"]["seeds"])) == []


def test_frozen_record_survives_the_file_and_keeps_its_hash(tmp_path: Path) -> None:
    made = hypothesis(candidate=["a", "b"], ranking=["a", "b"], mechanism={"metric": "m"})
    frozen = keep_frozen(tmp_path / "frozen.json", freeze([made], [3, 1, 2], [2, 3]))
    assert read_frozen(tmp_path / "frozen.json") == frozen
    assert changes(frozen, made) == ()


def test_frozen_record_is_written_once(tmp_path: Path) -> None:
    first = keep_frozen(tmp_path / "frozen.json", freeze([hypothesis()], [1, 2]))
    second = keep_frozen(tmp_path / "frozen.json", freeze([hypothesis(alpha=0.2)], [1, 2, 3]))
    assert second == first
    assert changes(second, hypothesis(alpha=0.2)) == ("`alpha` was 0.05 when frozen and is 0.2 now",)


def test_frozen_record_that_was_edited_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "frozen.json"
    keep_frozen(path, freeze([hypothesis(min_effect=0.02)], [1, 2]))
    path.write_text(path.read_text(encoding="utf-8").replace("0.02", "0.01"), encoding="utf-8")
    with pytest.raises(UsageError, match="edited"):
        read_frozen(path)
    assert read_frozen(tmp_path / "absent.json") is None


def test_frozen_record_with_an_extension_slipped_in_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "frozen.json"
    keep_frozen(path, freeze([hypothesis()], range(8), (8, 16)))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"extensions": []', '"extensions": [{"at": 8, "to": 12}]'), encoding="utf-8")
    with pytest.raises(UsageError, match="edited"):
        read_frozen(path)


def test_frozen_hash_covers_everything_declared() -> None:
    base = freeze([hypothesis()], [1, 2], [2])
    others = [
        freeze([hypothesis(summary="final")], [1, 2], [2]),
        freeze([hypothesis()], [2, 1], [2]),
        freeze([hypothesis()], [1, 2], [1, 2]),
        freeze([], [1, 2], [2]),
    ]
    assert len({base.sha256, *(other.sha256 for other in others)}) == 5
    assert Frozen.from_json(json.loads(json.dumps(base.to_json()))) == base


def test_extend_before_anything_ran_is_still_the_design() -> None:
    extended = extend((42, 101, 202), None)
    assert extended.after == (42, 101, 202, 203, 204, 205)
    assert extended.kept == "open"


@pytest.mark.parametrize(
    ("looks", "seeds", "to", "kept"),
    [
        ((8, 16), 8, None, "declared"),
        ((8, 16), 8, 24, "combined"),
        ((8, 16), 16, None, "exploratory"),
        ((8, 16), 12, 20, "exploratory"),
        ((), 8, None, "exploratory"),
        ((8, 16), 4, 8, "declared"),
    ],
)
def test_extend_reports_the_effect_on_the_error_rate(
    looks: tuple[int, ...], seeds: int, to: int | None, kept: str
) -> None:
    extended = extend(range(seeds), freeze([hypothesis()], range(seeds), looks), to)
    assert extended.kept == kept
    assert (extended.record is not None) == (kept == "combined")
    assert len(set(extended.after)) == len(extended.after)


def test_extend_a_second_time_from_one_look_is_exploratory() -> None:
    frozen = freeze([hypothesis()], range(8), (8, 16)).model_copy(
        update={"extensions": (Extension(at=8, to=12),)}
    )
    assert extend(range(8), frozen, 24).kept == "exploratory"


def test_extend_to_no_more_seeds_is_refused() -> None:
    with pytest.raises(ValueError, match="not more"):
        extend((1, 2, 3), None, 3)


def test_extend_seeds_at_the_upper_end_stay_seeds() -> None:
    assert extend((2**31 - 2, 0), None, 5).after == (2**31 - 2, 0, 2**31 - 1, 1, 2)
