"""Reading folders of runs: ours and others', whole and broken."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from folders import runs_of, write_levels, write_rows, write_run
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.analysis.loading import load_runs
from campaign.analysis.records import KnownColumns, read_record, record_of
from campaign.analysis.summaries import resolve_summary, summarise
from campaign.errors import UsageError


def rows(levels: list[float], **more: object) -> list[dict[str, object]]:
    return [{"step": step, "correct_rate": level, **more} for step, level in enumerate(levels)]


def test_load_our_campaign_gives_every_run_with_its_condition_and_seed(tmp_path: Path) -> None:
    write_levels(tmp_path, {"grpo+none": [0.1, 0.2], "maxrl+gtpo_sepa": [0.3, 0.4]})
    runs = load_runs(tmp_path)
    assert [run.id for run in runs.runs] == [
        "grpo+none_s0", "grpo+none_s1", "maxrl+gtpo_sepa_s0", "maxrl+gtpo_sepa_s1",
    ]  # fmt: skip
    assert runs.seeds == (0, 1)
    assert runs.metrics == ("correct_rate",)


def test_load_layout_names_condition_and_seed_by_the_path(tmp_path: Path) -> None:
    for condition in ("a_b", "c"):
        write_rows(tmp_path / condition / "seed7" / "log.jsonl", rows([0.5] * 5))
    runs = load_runs(tmp_path, "{condition}/seed{seed}/log.jsonl")
    assert {(run.condition, run.seed) for run in runs.runs} == {("a_b", 7), ("c", 7)}


@pytest.mark.parametrize(
    "layout", ["{nonsense}/metrics.jsonl", "{seed}/{seed}", "../{run}/metrics.jsonl", "/tmp/{run}", ""]
)
def test_load_invalid_layout_is_refused_with_the_reason(tmp_path: Path, layout: str) -> None:
    with pytest.raises(UsageError, match="layout"):
        load_runs(tmp_path, layout)


def test_load_folder_without_runs_says_how_to_name_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--layout"):
        load_runs(tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        load_runs(tmp_path / "nowhere")


def test_load_rows_without_condition_or_seed_are_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "one" / "metrics.jsonl", rows([0.5] * 5, condition="a"))
    with pytest.raises(UsageError, match="no seed"):
        load_runs(tmp_path)


def test_load_two_files_of_one_run_are_refused(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        write_rows(tmp_path / folder / "metrics.jsonl", rows([0.5] * 5, condition="a", seed=1))
    with pytest.raises(UsageError, match="two files claim"):
        load_runs(tmp_path)


def test_load_one_file_with_many_runs_is_split_by_its_rows(tmp_path: Path) -> None:
    mixed = [row for c in ("a", "b") for s in (1, 2) for row in rows([0.1, 0.2], condition=c, seed=s)]
    random.Random(0).shuffle(mixed)
    write_rows(tmp_path / "metrics.jsonl", mixed)
    runs = load_runs(tmp_path)
    assert [run.id for run in runs.runs] == ["a_s1", "a_s2", "b_s1", "b_s2"]
    assert all(run.metrics["correct_rate"].tolist() == [0.1, 0.2] for run in runs.runs)


def test_load_emergence_logs_are_runs_too(tmp_path: Path) -> None:
    for condition in ("grpo", "maxrl"):
        for seed in (1, 2):
            log = tmp_path / f"{condition}_s{seed}" / "emergence"
            write_rows(log / "steps.jsonl", rows([0.5] * 8, condition=condition))
            completions = [{"step": s, "reward": r, "completion": "x"} for s in range(8) for r in (0.0, 1.0)]
            write_rows(log / "generations.jsonl", completions)
    runs = load_runs(tmp_path, generations=True)
    assert [run.id for run in runs.runs] == ["grpo_s1", "grpo_s2", "maxrl_s1", "maxrl_s2"]
    assert [run.generations for run in runs.runs] == [16] * 4
    by_completion = load_runs(tmp_path, "{run}/emergence/generations.jsonl")
    assert by_completion.runs[0].metrics["reward"].tolist() == [0.5] * 8


def test_record_truncated_last_line_is_ignored_and_reported(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "m.jsonl", rows([0.1, 0.2]), ending='\n{"step": 2, "corr')
    (record,) = read_record(path).values()
    assert record.steps.tolist() == [0, 1]
    assert "cut off" in record.notes[0]


def test_record_last_line_without_newline_counts(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "m.jsonl", rows([0.1, 0.2]), ending="")
    assert read_record(path)[None, None].steps.tolist() == [0, 1]


def test_record_repeated_steps_are_merged_by_metric_and_named(tmp_path: Path) -> None:
    repeated = {"step": 1, "correct_rate": 0.4, "loss": None}
    path = write_rows(tmp_path / "m.jsonl", [*rows([0.1, 0.2, 0.3], loss=2.0), repeated])
    (record,) = read_record(path).values()
    assert record.metrics["correct_rate"].tolist() == [0.1, 0.4, 0.3]
    assert record.metrics["loss"].tolist() == [2.0, 2.0, 2.0]
    assert "repeat a step" in record.notes[0]


def test_record_nan_null_text_booleans_and_nested_values(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(
        '{"step": 0, "a": NaN, "b": true, "c": "text", "d": {"e": 1}, "f": 1}\n'
        '{"step": 1, "a": 2.5, "b": false, "c": "more", "d": [1], "f": 1.5}\n'
        '{"step": 2, "a": null, "f": Infinity}\n',
        encoding="utf-8",
    )
    (record,) = read_record(path).values()
    assert np.isnan(record.metrics["a"]).tolist() == [True, False, True]
    assert record.metrics["b"].tolist()[:2] == [1.0, 0.0]
    assert np.isnan(record.metrics["f"]).tolist() == [False, False, True]
    assert set(record.metrics) == {"a", "b", "f"}


@pytest.mark.parametrize("junk", ["", "\n\n"])
def test_record_file_without_rows_has_none(tmp_path: Path, junk: str) -> None:
    (tmp_path / "m.jsonl").write_text(junk, encoding="utf-8")
    assert read_record(tmp_path / "m.jsonl") == {}
    assert read_record(tmp_path / "absent.jsonl") == {}


@pytest.mark.parametrize("junk", ["not json\n", "[1, 2]\n", "null\n", '{"no": "step"}\n', '{"step": "3"}\n'])
def test_record_file_without_a_step_is_reported(tmp_path: Path, junk: str) -> None:
    (tmp_path / "m.jsonl").write_text(junk, encoding="utf-8")
    (record,) = read_record(tmp_path / "m.jsonl").values()
    assert len(record.steps) == 0
    assert "no row has a whole number, 0 or more, as its `step`" in record.notes


def test_record_numbers_written_as_text_do_not_count_and_are_named(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a_s1" / "metrics.jsonl", [{"step": 0, "x": "0.5", "y": 1, "z": "high"}])
    (record,) = read_record(path).values()
    assert set(record.metrics) == {"y"}
    assert record.notes == ("numbers written as strings are ignored: x",)
    with pytest.raises(UsageError, match="no run has x: numbers written as strings"):
        resolve_summary(load_runs(tmp_path), "x")


def test_records_of_files_that_are_not_alike_are_read_whole(tmp_path: Path) -> None:
    """What one file has and the one before it had not: a key, a type, a null, quotes in text."""
    first = [{"step": 0, "condition": "a", "x": 1, "note": "fine"}]
    others: list[list[dict[str, object]]] = [
        [{"step": 0, "condition": "a", "x": 2, "note": "fine", "val/x": 7}],
        [{"step": 0, "condition": "a", "x": 2.5, "note": 'say \\"x\\": null', "y": 3}],
        [{"step": 0, "condition": "a", "x": None, "note": ": null", "y": 3}],
        [{"step": 0, "condition": "a", "x": True, "note": 4}],
        [{"step": 0, "condition": "a", "x": "0.5"}],
        [{"step": 0, "condition": 3, "x": 0.5, "null": 2}],
    ]
    for number, rows_ in enumerate(others):
        known = KnownColumns()
        read_record(write_rows(tmp_path / "first.jsonl", first), known)
        path = write_rows(tmp_path / f"{number}.jsonl", rows_)
        (read,), (whole,) = read_record(path, known).values(), record_of(rows_).values()
        for name in {*read.metrics, *whole.metrics}:
            blank = np.full(1, np.nan)
            np.testing.assert_array_equal(read.metrics.get(name, blank), whole.metrics.get(name, blank))


@pytest.mark.parametrize(("ending", "start"), [("\r\n", ""), ("\n", "\ufeff"), ("\r\n", "\ufeff")])
def test_record_of_another_systems_editor_is_read(tmp_path: Path, ending: str, start: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(
        (start + ending.join(f'{{"step": {step}, "x": 0.5}}' for step in range(3)) + ending).encode()
    )
    (record,) = read_record(path).values()
    assert record.steps.tolist() == [0, 1, 2]
    assert record.notes == ()


def test_completions_are_counted_from_the_runs_own_rows_or_its_emergence_log(tmp_path: Path) -> None:
    counts = [{"step": step, "correct_count": 3, "total_count": 8} for step in range(5)]
    write_rows(tmp_path / "runs" / "a_s1" / "metrics.jsonl", rows([0.5] * 5))
    write_rows(tmp_path / "runs" / "a_s1" / "emergence" / "steps.jsonl", counts)
    write_rows(tmp_path / "runs" / "b_s1" / "metrics.jsonl", counts)
    write_rows(tmp_path / "runs" / "c_s1" / "metrics.jsonl", rows([0.5] * 5))
    loaded = load_runs(tmp_path, generations=True)
    assert [run.completions for run in loaded.runs] == [(15, 40), (15, 40), None]


@pytest.mark.parametrize("step", [-1, 1.5, None, "3", True])
def test_record_row_without_an_integer_step_is_ignored(tmp_path: Path, step: object) -> None:
    path = write_rows(tmp_path / "m.jsonl", [*rows([0.1, 0.2]), {"step": step, "correct_rate": 9.0}])
    values = [value for record in read_record(path).values() for value in record.metrics["correct_rate"]]
    assert 9.0 not in values or step is True  # JSON's true is polars' 1: it is the step of a row that exists


scalars = st.one_of(
    st.floats(allow_nan=True), st.integers(-10, 10), st.booleans(), st.none(), st.text(max_size=3)
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), scalars), max_size=6),
    st.lists(st.dictionaries(st.sampled_from("abc"), scalars), max_size=2),
    st.randoms(use_true_random=False),
)
def test_record_fast_and_patient_reader_agree_on_any_rows_after_any_other_file(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[dict[str, object]],
    others: list[dict[str, object]],
    shuffler: random.Random,
) -> None:
    numbered = [{"step": step, **row} for step, row in enumerate(values)]
    shuffler.shuffle(numbered)
    path = write_rows(tmp_path_factory.mktemp("r") / "m.jsonl", numbered)
    before = write_rows(path.with_name("before.jsonl"), [{"step": 0, **row} for row in others])
    known = KnownColumns()
    read_record(before, known)
    fast, patient = read_record(path, known), record_of(numbered)
    patient = patient or read_record(path)  # a file without a row, and the reason
    assert fast.keys() == patient.keys()
    for owner, record in fast.items():
        assert record.steps.tolist() == patient[owner].steps.tolist()
        for name in set(record.metrics) | set(patient[owner].metrics):
            blank = np.full(len(record.steps), np.nan)
            ours, theirs = record.metrics.get(name, blank), patient[owner].metrics.get(name, blank)
            np.testing.assert_allclose(ours, theirs)


def test_running_run_is_read_from_its_attempts_merged_by_step(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "a_s1"
    write_rows(run / "attempts" / "0001" / "metrics.jsonl", rows([0.1, 0.2, 0.3], condition="a", seed=1))
    later = [{"step": s, "correct_rate": 0.9, "condition": "a", "seed": 1} for s in (2, 3)]
    write_rows(run / "attempts" / "0002" / "metrics.jsonl", later)
    (run / "metrics.jsonl").symlink_to("attempts/0002/metrics.jsonl")
    (loaded,) = load_runs(tmp_path).runs
    assert loaded.state == "running"
    assert loaded.metrics["correct_rate"].tolist() == [0.1, 0.2, 0.9, 0.9]


def test_failed_run_is_recognised_by_its_last_attempt(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "a_s1"
    write_rows(run / "attempts" / "0001" / "metrics.jsonl", rows([0.1], condition="a", seed=1))
    (run / "attempts" / "0001" / "result.json").write_text('{"kind": "failed"}', encoding="utf-8")
    (run / "metrics.jsonl").symlink_to("attempts/0001/metrics.jsonl")
    assert load_runs(tmp_path).runs[0].state == "failed"


def test_run_with_a_dangling_link_is_running_and_empty(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "a_s1"
    (run / "attempts" / "0001").mkdir(parents=True)
    (run / "metrics.jsonl").symlink_to("attempts/0001/metrics.jsonl")
    (loaded,) = load_runs(tmp_path).runs
    assert (loaded.state, loaded.length) == ("running", 0)


def test_states_in_the_store_take_precedence_over_the_files(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 1, [0.5] * 5)
    assert load_runs(tmp_path, states={"a_s1": "running"}).runs[0].state == "running"


def test_record_of_the_built_in_core_with_a_hole_is_short_whoever_made_the_hole(tmp_path: Path) -> None:
    """A record is checked when it is merged; this one was changed later."""
    for seed in (0, 1):
        log = write_run(tmp_path, "grpo", seed, [0.5] * 20)
        (log.parent / "config.toml").write_text("[training]\nmax_steps = 20\n")
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:8] + lines[12:]))
    whole, holed = load_runs(tmp_path).runs
    assert (whole.state, holed.state) == ("done", "short")
    (sample,) = summarise(load_runs(tmp_path), "correct_rate").values()
    assert dict(sample.missing) == {1: "is short: steps 8-11 are missing from its record"}


def test_plan_gives_order_seeds_and_steps(tmp_path: Path) -> None:
    write_levels(tmp_path, {"alpha": [0.1, 0.2], "zeta": [0.3, 0.4]})
    plan = {
        "name": "study",
        "seeds": [1, 0, 5],
        "conditions": [{"label": "zeta", "config": {"training": {"max_steps": 40}}}, {"label": "alpha"}],
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    runs = load_runs(tmp_path)
    assert runs.conditions == ("zeta", "alpha")
    assert runs.seeds == (1, 0, 5)
    assert (runs.length("zeta"), runs.length("alpha")) == (40, 20)
    assert runs.get("alpha", 5) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"seeds": "x"}', '{"hypotheses": [{"name": "h"}]}'])
def test_unreadable_plan_is_an_error_with_the_reason(tmp_path: Path, text: str) -> None:
    write_levels(tmp_path, {"a": [0.1]})
    (tmp_path / "plan.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"plan\.json cannot be read"):
        load_runs(tmp_path)


def test_frame_has_a_row_for_each_run_and_step(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 1, [0.1, 0.2])
    write_run(tmp_path, "b", 1, [0.3, 0.4], metric="loss")
    frame = load_runs(tmp_path).frame()
    assert frame.columns[:3] == ["condition", "seed", "step"]
    assert frame.height == 4
    assert frame["loss"].null_count() == 2
    assert runs_of({}).frame().height == 0


def one(tmp_path: Path, values: list[float | None], metric: str, summary: str) -> float:
    write_rows(
        tmp_path / "a_s1" / "metrics.jsonl",
        [{"step": step, "x": value} for step, value in enumerate(values)],
    )
    return summarise(load_runs(tmp_path), metric, summary)["a"].values[1]


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("auto", np.mean(range(90, 100))),
        ("tail", np.mean(range(90, 100))),
        ("tail:20", np.mean(range(80, 100))),
        ("final", 99.0),
        ("mean", 49.5),
        ("max", 99.0),
        ("min", 0.0),
        ("auc", 49.5),
    ],
)
def test_summary_of_a_straight_line(tmp_path: Path, summary: str, expected: float) -> None:
    assert one(tmp_path, [float(step) for step in range(100)], "x", summary) == pytest.approx(expected)


def test_summary_short_run_uses_at_least_five_steps(tmp_path: Path) -> None:
    assert one(tmp_path, [float(step) for step in range(20)], "x", "auto") == pytest.approx(17.0)


def test_summary_held_out_evaluation_goes_before_the_training_curve(tmp_path: Path) -> None:
    path = tmp_path / "a_s1" / "metrics.jsonl"
    made = [
        {"step": s, "correct_rate": 0.9, **({"val/correct_rate": s / 100} if s % 20 == 19 else {})}
        for s in range(100)
    ]
    write_rows(path, made)
    runs = load_runs(tmp_path)
    assert summarise(runs, "correct_rate")["a"].values == {1: 0.99}
    assert resolve_summary(runs, "correct_rate").metric == "val/correct_rate"
    assert summarise(runs, "correct_rate", "tail")["a"].values[1] == pytest.approx(0.9)


def test_summary_unknown_metric_suggests_a_similar_one(tmp_path: Path) -> None:
    write_run(tmp_path, "a", 1, [0.5] * 10)
    with pytest.raises(UsageError, match="did you mean `correct_rate`"):
        summarise(load_runs(tmp_path), "corect_rate")
    with pytest.raises(UsageError, match="unknown summary"):
        summarise(load_runs(tmp_path), "correct_rate", "best")
    with pytest.raises(UsageError, match="tail:20"):
        summarise(load_runs(tmp_path), "correct_rate", "max:3")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([0.5] * 37, "ends at step 37 of 100"),
        ([0.5] * 60 + [None] * 40, "0 finite values of x in its last steps instead of 10"),
        ([None] * 100, "has no finite value of x"),
        ([float("nan")] * 100, "has no finite value of x"),
    ],
)
def test_summary_run_without_an_end_is_missing_with_the_reason(
    tmp_path: Path, values: list[float | None], reason: str
) -> None:
    for seed, curve_ in ((1, [0.5] * 100), (2, values)):
        made = [{"step": step, "x": value} for step, value in enumerate(curve_)]
        write_rows(tmp_path / f"a_s{seed}" / "metrics.jsonl", made)
    sample = summarise(load_runs(tmp_path), "x")["a"]
    assert list(sample.values) == [1]
    assert reason in sample.missing[2]


@pytest.mark.parametrize("summary", ["tail", "final", "mean", "max", "min", "auc", "eval"])
def test_summary_condition_whose_runs_have_all_diverged_has_no_values(tmp_path: Path, summary: str) -> None:
    """Its best or mean value until then would be compared with that of complete runs."""
    name = "val/x" if summary == "eval" else "x"
    for label, end in (("a", 100), ("b", 30)):
        made = [{"step": step, name: 0.5 if step < end else float("nan")} for step in range(100)]
        for seed in (1, 2):
            write_rows(tmp_path / f"{label}_s{seed}" / "metrics.jsonl", made)
    samples = summarise(load_runs(tmp_path), "x", summary)
    assert (list(samples["a"].values), list(samples["b"].values)) == ([1, 2], [])
    assert "at its end" in samples["b"].missing[1] or "in its last steps" in samples["b"].missing[1]


def test_summary_unfinished_run_is_missing_with_the_reason() -> None:
    runs = runs_of({"a": [0.1, 0.2], "b": [0.1, 0.2]}, states={"a_s1": "running", "b_s0": "failed"})
    samples = summarise(runs, "correct_rate")
    assert "is unfinished" in samples["a"].missing[1]
    assert "failed at step 20 of 20" in samples["b"].missing[0]


def test_a_core_that_counts_from_one_has_finished_as_many_steps_as_its_last_one_says(tmp_path: Path) -> None:
    for seed, steps in ((1, 20), (2, 8)):
        rows = [{"step": step, "x": 0.5} for step in range(1, steps + 1)]
        write_rows(tmp_path / f"a_s{seed}" / "metrics.jsonl", rows)
    runs = load_runs(tmp_path)
    assert [run.finished for run in runs.runs] == [20, 8]
    assert summarise(runs, "x")["a"].missing[2] == "ends at step 8 of 20"
