"""`resolve`: one action and one reason for each run, from the spec and the facts alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.errors import UsageError
from campaign.spec.forecast import (
    attainable_p,
    concurrency,
    duration,
    estimate,
    exact_test_note,
    pairs_needed,
)
from campaign.spec.identity import identity_fields
from campaign.spec.load import from_document
from campaign.spec.plan_json import plan_from_json, plan_to_json
from campaign.spec.planned_runs import Facts, Plan, PlannedRun, RunFacts, RunState
from campaign.spec.reading import parse
from campaign.spec.resolve import resolve
from campaign.spec.spec import Spec
from tests.spec.conftest import Loader

TWO = "[campaign]\nseeds = [1, 2, 3]\nmax_steps = 100\n[campaign.factors]\nkl_coef = [0.0, 0.1]\n"


@pytest.fixture
def spec(spec_of: Loader) -> Spec:
    return spec_of(TWO)


def first(plan: Plan) -> PlannedRun:
    return plan.runs[0]


def facts_about(run: PlannedRun, state: RunState, **more: Any) -> Facts:
    return Facts(runs={run.id: RunFacts(state, run.identity, identity_fields(run.config), **more)})


def test_every_condition_runs_with_every_seed_conditions_first(spec: Spec) -> None:
    plan = resolve(spec)
    assert [run.id for run in plan.runs] == [
        f"grpo+none{rest}_s{seed}" for rest in ("", "~kl_coef=0.1") for seed in (1, 2, 3)
    ]
    assert {(run.action, run.reason) for run in plan.runs} == {("run", "new")}
    assert first(plan).config.training.seed == 1
    assert first(plan).config.run_id == first(plan).id


@pytest.mark.parametrize(
    ("state", "more", "action", "reason"),
    [
        ("pending", {}, "run", "new"),
        ("done", {"last_step": 99}, "skip", "done, 100 steps"),
        ("running", {"attempts": 1, "last_step": 7}, "skip", "running at step 7"),
        ("failed", {"attempts": 2, "error": "Traceback\nValueError: nan loss\n"}, "retry",
         "failed: ValueError: nan loss; starts over"),
        ("cancelled", {"attempts": 1, "last_step": 30, "checkpoint": "checkpoints/step_000025"}, "resume",
         "cancelled at step 30; resumes from step_000025"),
        ("lost", {"attempts": 1, "last_step": 30, "checkpoint": "/x/step_000025/"}, "resume",
         "interrupted at step 30; resumes from step_000025"),
        ("pending", {"attempts": 1}, "resume", "interrupted; starts over"),
    ],
)  # fmt: skip
def test_a_recorded_run_of_the_same_identity_is_handled_by_its_state(
    spec: Spec, state: RunState, more: dict[str, Any], action: str, reason: str
) -> None:
    run = first(resolve(spec))
    again = first(resolve(spec, facts_about(run, state, **more)))
    assert (again.action, again.reason) == (action, reason)


@pytest.mark.parametrize(
    ("state", "action", "reason"),
    [
        ("done", "stale", "done with training.lr: 0.0003, the spec says 0.001"),
        ("running", "stale", "running with training.lr: 0.0003, the spec says 0.001"),
        ("failed", "run", "starts over: failed with training.lr: 0.0003, the spec says 0.001"),
        ("lost", "run", "starts over: lost with training.lr: 0.0003, the spec says 0.001"),
    ],
)
def test_a_recorded_run_of_another_identity_is_stale_or_new_and_the_field_is_named(
    spec: Spec, spec_of: Loader, state: RunState, action: str, reason: str
) -> None:
    facts = facts_about(first(resolve(spec)), state, attempts=1)
    run = first(resolve(spec_of(TWO + "[training]\nlr = 1e-3\n"), facts))
    assert (run.action, run.reason) == (action, reason)


def test_several_changed_fields_are_counted(spec: Spec, spec_of: Loader) -> None:
    facts = facts_about(first(resolve(spec)), "done")
    run = first(resolve(spec_of(TWO + "[training]\nlr = 1e-3\nbatch_size = 4\n[gtpo]\nbeta = 0.2\n"), facts))
    assert run.reason.endswith("(and 2 more)")


def test_another_version_of_the_identity_is_stale_and_named_as_the_reason(spec: Spec) -> None:
    run = first(resolve(spec))
    old = Facts(runs={run.id: RunFacts("done", "v0:abc", identity_fields(run.config))})
    assert first(resolve(spec, old)).reason == "done with another version of the identity (v0)"


def test_a_change_that_cannot_change_the_result_leaves_a_finished_run_alone(
    spec: Spec, spec_of: Loader
) -> None:
    facts = facts_about(first(resolve(spec)), "done", last_step=99)
    changed = spec_of(
        TWO.replace("1, 2, 3", "3, 1")
        + "[training]\nsave_every = 5\n[resources]\nnum_cpus = 2\n[ray]\naddress = 'h:1'\n"
    )
    actions = {run.id: run.action for run in resolve(changed, facts).runs}
    assert actions["grpo+none_s1"] == "skip"
    assert actions["grpo+none_s3"] == "run"


STATES = st.sampled_from(["pending", "running", "lost", "done", "failed", "cancelled"])


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_resolve_is_pure_and_covers_every_run(data: st.DataObject) -> None:
    spec = from_document(parse(TWO, "c.toml"), Path("c.toml"))
    runs = resolve(spec).runs
    facts = Facts(
        runs={
            run.id: RunFacts(
                data.draw(STATES),
                data.draw(st.sampled_from([run.identity, "v1:0", "v9:0"])),
                data.draw(
                    st.sampled_from([{}, identity_fields(run.config), {"training.lr": 1.0, "gone.field": 1}])
                ),
                attempts=data.draw(st.integers(0, 3)),
                last_step=data.draw(st.none() | st.integers(0, 200)),
                checkpoint=data.draw(st.sampled_from([None, "checkpoints/step_000025", "step_000200"])),
                error=data.draw(st.sampled_from(["", "x", "a\nb\n"])),
            )
            for run in data.draw(st.lists(st.sampled_from(runs), unique_by=lambda run: run.id))
        },
        step_seconds=data.draw(st.dictionaries(st.sampled_from(["grpo+none", "other"]), st.floats(0.01, 10))),
        cpus=data.draw(st.sampled_from([0.5, 1.0, 2.0, 64.0])),
    )
    plan = resolve(spec, facts)
    assert plan == resolve(spec, facts)
    assert [(run.id, run.identity) for run in plan.runs] == [(run.id, run.identity) for run in runs]
    assert all(run.reason for run in plan.runs)
    for run in plan.runs:
        if run.action == "skip":
            assert facts.runs[run.id].identity == run.identity
    assert plan_from_json(plan_to_json(plan)) == plan
    expected = estimate(plan, facts)
    assert expected is None or expected.seconds >= 0


@pytest.mark.parametrize(
    ("pairs", "p"), [(1, 1.0), (3, 0.25), (4, 0.125), (5, 0.0625), (6, 0.03125), (8, 0.0078125)]
)
def test_the_least_attainable_p_is_two_over_two_to_the_pairs(pairs: int, p: float) -> None:
    assert attainable_p(pairs) == p


@pytest.mark.parametrize(("candidates", "needed"), [(1, 6), (2, 7), (3, 7), (4, 8), (5, 8)])
def test_pairs_needed_is_the_first_number_that_falls_below_alpha(candidates: int, needed: int) -> None:
    assert pairs_needed(candidates=candidates) == needed
    assert attainable_p(needed) < 0.05 / candidates <= attainable_p(needed - 1)


def test_the_note_says_what_three_seeds_cannot_show_and_what_eight_can() -> None:
    assert exact_test_note(3, 1) == (
        "3 seeds: no exact paired test can reach p < .05 (the smallest is .25); at least 6 seeds are needed"
    )
    assert exact_test_note(8, 1) == "8 seeds: an exact paired test can reach p = .0078"
    assert "at least 7 seeds are needed" in exact_test_note(6, 3)
    assert exact_test_note(1, 0) == "one condition: there is nothing to compare"


def test_time_is_the_remaining_work_divided_by_the_concurrency(spec: Spec) -> None:
    runs = resolve(spec).runs
    facts = Facts(
        runs={
            runs[0].id: RunFacts("done", runs[0].identity, {}, last_step=99),
            runs[1].id: RunFacts(
                "lost", runs[1].identity, {}, attempts=1, checkpoint="checkpoints/step_000075"
            ),
        },
        step_seconds={"grpo+none": 0.5, "grpo+none~kl_coef=0.1": 1.0},
        cpus=2,
    )
    expected = estimate(resolve(spec, facts), facts)
    assert expected is not None
    assert expected.concurrent == 2
    assert expected.seconds == pytest.approx((25 * 0.5 + 100 * 0.5 + 3 * 100 * 1.0) / 2)
    assert expected.measured


def test_time_is_never_less_than_the_longest_run(spec: Spec) -> None:
    facts = Facts(step_seconds={"grpo+none": 1.0, "grpo+none~kl_coef=0.1": 3.0}, cpus=64)
    expected = estimate(resolve(spec, facts), facts)
    assert expected is not None
    assert expected.seconds == 300


def test_time_borrowed_from_another_condition_is_not_called_measured(spec: Spec) -> None:
    facts = Facts(step_seconds={"grpo+none": 1.0}, cpus=1)
    expected = estimate(resolve(spec, facts), facts)
    assert expected is not None
    assert expected.seconds == 600
    assert not expected.measured


def test_time_is_unknown_without_a_measured_step(spec: Spec) -> None:
    assert estimate(resolve(spec), Facts()) is None


@pytest.mark.parametrize(
    ("resources", "cpus", "gpus", "fits"),
    [
        ("num_cpus = 1", 4, 0, 4),
        ("num_cpus = 3", 8, 0, 2),
        ("num_cpus = 3", 2, 0, 0),
        ("num_gpus = 0.25", 64, 2, 8),
        ("num_gpus = 0.3", 64, 2, 6),
        ("num_gpus = 0.4", 64, 2, 4),
        ("num_gpus = 2", 64, 3, 1),
        ("num_gpus = 1", 64, 0, 0),
        ("num_cpus = 0.1", 1, 0, 10),
    ],
)
def test_fractions_pack_into_one_gpu_and_never_across_two(
    resources: str, cpus: int, gpus: int, fits: int, spec_of: Loader
) -> None:
    config = spec_of(f"[resources]\n{resources}\n").base
    assert concurrency(config, Facts(cpus=cpus, gpus=gpus)) == fits


def test_a_run_that_this_machine_cannot_hold_is_noted(spec_of: Loader) -> None:
    spec = spec_of("[resources]\nnum_gpus = 2\n")
    found = [note for note in resolve(spec, Facts(cpus=2)).notes if "infeasible" in note]
    assert found == [
        "infeasible on this machine: a run of base needs 1 CPU and 2 GPUs; it offers 2 CPUs and 0 GPUs"
    ]
    cluster = spec_of("[resources]\nnum_gpus = 2\n[ray]\naddress = 'head:6379'\n")
    assert not any("infeasible" in note for note in resolve(cluster, Facts(cpus=2)).notes)


def test_more_threads_than_reserved_cores_are_noted_once(spec_of: Loader) -> None:
    spec = spec_of("[training]\nthreads = 4\n[campaign.factors]\nkl_coef = [0.0, 0.1]\n")
    assert len([note for note in resolve(spec).notes if "slow each other down" in note]) == 1
    roomy = spec_of("[training]\nthreads = 4\n[resources]\nnum_cpus = 4\n")
    assert not any("slow each other down" in note for note in resolve(roomy).notes)


def test_conditions_that_cannot_differ_in_result_are_noted(spec_of: Loader) -> None:
    spec = spec_of("[campaign.factors]\nsave_every = [5, 25]\n")
    assert any("cannot change a result" in note for note in resolve(spec).notes)


def test_default_seeds_are_noted(spec_of: Loader) -> None:
    assert (
        "no seeds are given, so the default is used: 42, 101, 202"
        in resolve(spec_of("[training]\nlr = 0.1\n")).notes
    )


def test_squeeze_without_an_adapter_is_noted(spec_of: Loader) -> None:
    assert any("LoRA" in note for note in resolve(spec_of("[squeeze]\n")).notes)
    assert not any("LoRA" in note for note in resolve(spec_of("[squeeze]\n[model]\nlora_rank = 8\n")).notes)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"),
        (45, "45 s"),
        (89.5, "90 s"),
        (600, "10 min"),
        (7200, "2 h"),
        (12000, "3 h 20 min"),
        (187200, "2 d 4 h"),
    ],
)
def test_durations_are_written_in_the_unit_that_suits_their_size(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_plan_survives_json_and_a_document_of_another_version_is_refused(spec_of: Loader) -> None:
    spec = spec_of(
        TWO.replace("max_steps", "on_failure = 2\nlooks = [2, 3]\nunder_test = ['gtpo.*', 'lr']\nmax_steps")
    )
    document = json.loads(json.dumps(plan_to_json(resolve(spec))))
    assert plan_from_json(document) == resolve(spec)
    assert (document["on_failure"], document["looks"]) == (2, [2, 3])
    with pytest.raises(UsageError, match="version 99"):
        plan_from_json(document | {"version": 99})


def test_two_campaigns_of_one_configuration_have_the_same_identities(spec: Spec) -> None:
    renamed = replace(spec, name="other", path=spec.path.with_name("other.toml"))
    assert [run.identity for run in resolve(renamed).runs] == [run.identity for run in resolve(spec).runs]
