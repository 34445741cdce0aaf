"""Problems: their order, their mixture, and what is said about bad data files."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from core_process import run_config
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from campaign.core.problem_stream import Problem, TrainingStream, load_problems, read_problems
from campaign.errors import SpecError, UsageError


def stream(seed: int, weights: dict[str, float] | None = None) -> TrainingStream:
    names = ("one", "two", "three")

    def source(name: str) -> Any:
        return lambda index: Problem(name, f"{name} {index}", "", "exact")

    return TrainingStream({name: source(name) for name in names}, weights or {}, seed)


def write_lines(path: Path, lines: list[Any]) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def test_same_seed_gives_every_condition_the_same_problems_in_the_same_order() -> None:
    quiet = run_config()
    other = run_config(condition="maxrl", algorithm={"advantage_mode": "maxrl"}, training={"group_size": 2})
    one, two = load_problems(quiet, Path()), load_problems(other, Path())
    assert [one.train.batch(s, 4) for s in range(5)] == [two.train.batch(s, 4) for s in range(5)]
    assert one.evaluation == two.evaluation


def test_seeds_train_on_different_problems_and_are_evaluated_on_the_same() -> None:
    one = load_problems(run_config(), Path())
    two = load_problems(run_config(training={"seed": 8}), Path())
    assert one.train.batch(0, 8) != two.train.batch(0, 8)
    assert one.evaluation == two.evaluation


@given(st.integers(1, 7), st.lists(st.integers(0, 12), min_size=1, max_size=6))
def test_problems_of_a_step_do_not_depend_on_earlier_calls(size: int, steps: list[int]) -> None:
    weights = {"one": 2.0}
    in_order = stream(1, weights)
    expected = [in_order.batch(step, size) for step in range(13)]
    jumping = stream(1, weights)
    assert [jumping.batch(step, size) for step in steps] == [expected[step] for step in steps]


def test_unweighted_sources_take_turns() -> None:
    assert [p.prompt for p in stream(0).batch(1, 4)] == ["two 1", "three 1", "one 2", "two 2"]


def test_weights_are_the_shares_of_the_mixture() -> None:
    counts = Counter(p.source for p in stream(0, {"one": 6.0, "two": 3.0}).batch(0, 5000))
    assert counts["one"] / 5000 == pytest.approx(0.6, abs=0.03)
    assert counts["three"] / 5000 == pytest.approx(0.1, abs=0.02)


def test_each_epoch_of_a_file_has_every_problem_once_in_a_new_order(tmp_path: Path) -> None:
    write_lines(tmp_path / "d.jsonl", [{"prompt": f"p{i}", "answer": i} for i in range(20)])
    train = load_problems(run_config(data={"path": "d.jsonl"}), tmp_path).train
    first, second = (tuple(p.prompt for p in train.batch(epoch, 20)) for epoch in range(2))
    assert sorted(first) == sorted(second) == sorted(f"p{i}" for i in range(20))
    assert first != second


def test_file_may_say_source_and_type(tmp_path: Path) -> None:
    lines = [
        "\ufeff" + json.dumps({"prompt": "a", "answer": "B", "source": "quiz", "problem_type": "option"}),
        "",
        {"prompt": "b", "answer": 3.5, "extra": None},
    ]
    assert read_problems(write_lines(tmp_path / "d.jsonl", lines)) == [
        Problem("quiz", "a", "B", "option"),
        Problem("data", "b", "3.5", "exact"),
    ]


def test_held_out_file_is_the_evaluation(tmp_path: Path) -> None:
    write_lines(tmp_path / "t.jsonl", [{"prompt": "a", "answer": "b"}])
    write_lines(tmp_path / "e.jsonl", [{"prompt": f"{i}", "answer": "b", "source": "x"} for i in range(9)])
    config = run_config(data={"path": "t.jsonl", "eval_path": "e.jsonl"})
    problems = load_problems(config, tmp_path)
    assert [p.prompt for p in problems.evaluation["x"]] == ["0", "1", "2", "3"]
    assert load_problems(run_config(data={"path": "t.jsonl"}), tmp_path).evaluation == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "expected a JSON object, not list"),
        ({"answer": "1"}, "`prompt` must be"),
        ({"prompt": "", "answer": "1"}, "`prompt` must be"),
        ({"prompt": "p"}, "`answer` must be"),
        ({"prompt": "p", "answer": True}, "`answer` must be"),
        ({"prompt": "p", "answer": ["1"]}, "`answer` must be"),
        ({"prompt": "p", "answer": "1", "source": "a/b"}, "`source` must be"),
        (
            {"prompt": "p", "answer": "1", "problem_type": "exat"},
            "`problem_type` 'exat' is unknown; expected exact",
        ),
    ],
)
def test_bad_line_is_reported_with_its_position(tmp_path: Path, line: Any, message: str) -> None:
    good = {"prompt": "p", "answer": "1"}
    with pytest.raises(SpecError) as caught:
        read_problems(write_lines(tmp_path / "d.jsonl", [good, line, good]))
    [problem] = caught.value.problems
    assert str(problem).startswith(f"{tmp_path}/d.jsonl:2: ")
    assert message in str(problem)


def test_all_bad_lines_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        read_problems(write_lines(tmp_path / "d.jsonl", ["{", {"prompt": 1}, "x"]))
    assert [p.place.line for p in caught.value.problems if p.place] == [1, 2, 2, 3]


def test_unreadable_files_are_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_problems(tmp_path / "absent.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b'{"prompt": "\xe4"}')
    with pytest.raises(UsageError, match="not UTF-8 at byte 12"):
        read_problems(tmp_path / "latin.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(UsageError, match="no problem"):
        read_problems(tmp_path / "empty.jsonl")


def doubling(split: str, level: int, index: int) -> dict[str, Any]:
    return {
        "prompt": f"{split} twice {index + level}",
        "answer": 2 * (index + level),
        "problem_type": "numeric",
    }


def nothing(_split: str, _level: int, _index: int) -> dict[str, Any]:
    return {"prompt": ""}


def test_source_may_be_a_function_of_the_user() -> None:
    name = f"{__name__}.doubling"
    problems = load_problems(run_config(data={"sources": ["add", name], "level": 1}), Path())
    assert problems.train.batch(1, 2)[1] == Problem(name, "train 7 twice 2", "4", "numeric")
    assert problems.evaluation[name][0].prompt == "eval twice 1"
    with pytest.raises(UsageError, match="`prompt` must be"):
        load_problems(run_config(data={"sources": [f"{__name__}.nothing"]}), Path())


def test_unknown_sources_and_weights_are_reported() -> None:
    with pytest.raises(ValidationError, match=r"data\.sources"):
        run_config(data={"sources": ["add", "sorts"]})
    with pytest.raises(UsageError, match="no source is called sort"):
        load_problems(run_config(data={"sources": ["add"], "weights": {"sort": 2.0}}), Path())
