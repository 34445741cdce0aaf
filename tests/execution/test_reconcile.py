"""The controller over a local backend: nothing is lost, nothing runs twice, whatever dies on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from campaign.errors import Infeasible
from campaign.execution.controller import Controller, Ending
from campaign.execution.fence import read_number, request_cancel
from campaign.execution.local_backend import LocalBackend
from campaign.execution.store import Store
from campaign.folder.atomic_files import read_json, write_json
from campaign.folder.json_lines import read_jsonl
from campaign.spec.config import ResourcesSection
from tests.execution.small_campaign import SmallCampaign, alive

Turn = Callable[[Controller], None]


def run(campaign: SmallCampaign, turn: Turn = lambda _: None, *, cpus: float = 2, **fields: Any) -> Ending:
    """One controller's life over the campaign; `turn` is called in each turn of its loop."""
    store, backend = Store.open(campaign.paths), LocalBackend(cpus=cpus)
    campaign.paths.lock.touch()
    controller = Controller(campaign.paths, store, backend, campaign.core.parent, **fields)
    controller.on_turn = lambda: turn(controller)
    try:
        return controller.run()
    finally:
        backend.close()
        store.close()


class Once:
    """Does something in the first turn in which it can be done."""

    def __init__(self, act: Callable[[Controller], bool]) -> None:
        self._act = act
        self.done = False

    def __call__(self, controller: Controller) -> None:
        if not self.done:
            self.done = self._act(controller)


def pid_of(campaign: SmallCampaign, run_id: str, who: str, number: int = 1) -> int | None:
    note = read_json(campaign.paths.run(run_id).attempt(number).started)
    return int(note[who]["pid"]) if note else None


def steps_logged(campaign: SmallCampaign, run_id: str, number: int = 1) -> int:
    return len(list(read_jsonl(campaign.paths.run(run_id).attempt(number).metrics)))


def kinds(campaign: SmallCampaign, run_id: str) -> list[str | None]:
    return [attempt["outcome"] and attempt["outcome"]["kind"] for attempt in campaign.attempts(run_id)]


def test_a_campaign_runs_every_condition_with_every_seed_once(campaign: SmallCampaign) -> None:
    campaign.enrol(campaign.spec(("a", "b"), (1, 2)))
    assert run(campaign) == "complete"
    assert set(campaign.states()) == {"a_s1", "a_s2", "b_s1", "b_s2"}
    campaign.audit(steps=10)


def test_a_second_submit_of_a_finished_campaign_runs_nothing(campaign: SmallCampaign) -> None:
    spec = campaign.spec()
    campaign.enrol(spec)
    run(campaign)
    plan = campaign.enrol(spec)
    assert {planned.action for planned in plan.runs} == {"skip"}
    run(campaign)
    assert kinds(campaign, "base_s1") == ["finished"]


@pytest.mark.parametrize("who", ["supervisor", "core"])
def test_run_whose_process_is_killed_resumes_from_its_checkpoint(campaign: SmallCampaign, who: str) -> None:
    campaign.enrol(campaign.spec(seeds=(1,), steps=20, pause=0.02))

    def kill(_: Controller) -> bool:
        if steps_logged(campaign, "base_s1") < 7:
            return False
        os.kill(pid_of(campaign, "base_s1", who) or 0, signal.SIGKILL)
        return True

    assert run(campaign, Once(kill)) == "complete"
    campaign.audit(steps=20)
    assert kinds(campaign, "base_s1") == ["killed", "finished"]
    note = campaign.note("base_s1", 2)
    assert note["first_step"] % 5 == 0
    assert note["first_step"] >= 5


def test_run_that_was_killed_too_often_fails_with_the_reason(campaign: SmallCampaign) -> None:
    campaign.enrol(campaign.spec(seeds=(1,), steps=10_000, pause=0.02, max_losses=1))

    def kill(_: Controller) -> None:
        for number in (1, 2):
            pid = pid_of(campaign, "base_s1", "supervisor", number)
            if pid and alive(pid):
                os.kill(pid, signal.SIGKILL)

    run(campaign, kill)
    assert campaign.states() == {"base_s1": "failed"}
    with Store.open(campaign.paths) as store:
        row = store.run("base_s1")
    assert row is not None
    assert row.error.startswith("lost 2 times (retry.max_losses = 1)")


def test_a_failing_run_is_tried_again_and_then_left(campaign: SmallCampaign) -> None:
    campaign.enrol(campaign.spec(seeds=(1, 2), max_failures=1))
    (campaign.paths.run("base_s1").root / "FAIL_AT_7").touch()
    assert run(campaign) == "complete"
    assert campaign.states() == {"base_s1": "failed", "base_s2": "done"}
    assert kinds(campaign, "base_s1") == ["failed", "failed"]
    assert campaign.note("base_s1", 2)["first_step"] == 5
    with Store.open(campaign.paths) as store:
        row = store.run("base_s1")
    assert row is not None
    assert row.error == "RuntimeError: told to fail at step 7"


def test_failed_run_stays_failed_until_a_retry_is_requested(campaign: SmallCampaign) -> None:
    spec = campaign.spec(seeds=(1,), max_failures=0)
    campaign.enrol(spec)
    obstacle = campaign.paths.run("base_s1").root / "FAIL_AT_7"
    obstacle.touch()
    run(campaign)
    obstacle.unlink()
    campaign.enrol(spec)
    run(campaign)
    assert campaign.states() == {"base_s1": "failed"}
    campaign.enrol(spec, retry_failed=True)
    run(campaign)
    campaign.audit(steps=10)


@pytest.mark.parametrize(("limit", "started"), [(1, 1), (2, 2)])
def test_a_campaign_stops_at_the_allowed_number_of_failures(
    campaign: SmallCampaign, limit: int, started: int
) -> None:
    campaign.enrol(campaign.spec(seeds=range(1, 7), max_failures=0))
    for seed in range(1, 7):
        (campaign.paths.run(f"base_s{seed}").root / "FAIL_AT_0").touch()
    assert run(campaign, cpus=1, failure_limit=limit) == "failures"
    states = list(campaign.states().values())
    assert states.count("failed") >= started
    assert states.count("pending") >= 6 - started - 1


def test_a_frozen_supervisor_is_replaced_and_its_core_writes_nothing_that_counts(
    campaign: SmallCampaign,
) -> None:
    campaign.enrol(campaign.spec(seeds=(1,), steps=120, pause=0.05, lease_s=1.0))

    def freeze(_: Controller) -> bool:
        if steps_logged(campaign, "base_s1") < 7:
            return False
        os.kill(pid_of(campaign, "base_s1", "supervisor") or 0, signal.SIGSTOP)
        return True

    frozen = Once(freeze)

    def turn(controller: Controller) -> None:
        frozen(controller)
        if steps_logged(campaign, "base_s1", 2) > 10:
            pid = pid_of(campaign, "base_s1", "supervisor")
            if pid and alive(pid):
                os.kill(pid, signal.SIGCONT)

    assert run(campaign, turn) == "complete"
    assert read_number(campaign.paths.run("base_s1").fence) == 2
    assert kinds(campaign, "base_s1") == ["killed", "finished"]
    campaign.audit(steps=120)


def test_a_controller_that_dies_is_replaced_and_accepts_what_ended_meanwhile(campaign: SmallCampaign) -> None:
    """The next controller finds one attempt with a result, one without, and one that was never claimed."""
    spec = campaign.spec(seeds=(1, 2, 3), steps=10)
    campaign.enrol(spec)
    store = Store.open(campaign.paths)
    store.launch([(f"base_s{seed}", 1) for seed in (1, 2, 3)], store.begin_epoch("test"))
    store.close()
    done = campaign.paths.run("base_s1").attempt(1)
    done.emergence.mkdir(parents=True)
    done.metrics.write_text("".join(f'{{"step": {step}, "pid": 1}}\n' for step in range(10)))
    (done.emergence / "generations.jsonl").write_text(
        "".join(f'{{"step": {step}, "sample": {k}}}\n' for step in range(10) for k in range(2))
    )
    write_json(done.result, {"kind": "finished", "number": 1, "exit_code": 0})
    torn = campaign.paths.run("base_s2").attempt(1)
    torn.root.mkdir(parents=True)
    os.utime(torn.root, (0, 0))
    assert run(campaign) == "complete"
    campaign.audit(steps=10)
    assert [len(campaign.attempts(f"base_s{seed}")) for seed in (1, 2, 3)] == [1, 2, 2]


def test_an_attempt_of_unknown_fate_is_not_replaced_before_its_lease_is_over(campaign: SmallCampaign) -> None:
    campaign.enrol(campaign.spec(seeds=(1,), lease_s=3600.0))
    store = Store.open(campaign.paths)
    store.launch([("base_s1", 1)], store.begin_epoch("test"))
    store.close()
    campaign.paths.run("base_s1").attempt(1).root.mkdir(parents=True)
    turns = []

    def stop_after_a_while(_: Controller) -> None:
        turns.append(campaign.states()["base_s1"])
        if len(turns) == 60:
            os.utime(campaign.paths.run("base_s1").attempt(1).root, (0, 0))

    assert run(campaign, stop_after_a_while) == "complete"
    assert set(turns[:60]) == {"lost"}
    assert len(campaign.attempts("base_s1")) == 2


def test_cancelling_a_run_stops_only_that_run_and_submitting_again_resumes_it(
    campaign: SmallCampaign,
) -> None:
    spec = campaign.spec(seeds=(1, 2), steps=40, pause=0.02)
    campaign.enrol(spec)

    def cancel(_: Controller) -> bool:
        if steps_logged(campaign, "base_s1") < 3:
            return False
        request_cancel(campaign.paths.run("base_s1"))
        return True

    assert run(campaign, Once(cancel)) == "complete"
    assert campaign.states() == {"base_s1": "cancelled", "base_s2": "done"}
    campaign.enrol(spec)
    run(campaign)
    campaign.audit(steps=40)
    assert kinds(campaign, "base_s1") == ["stopped", "finished"]
    assert campaign.note("base_s1", 2)["first_step"] > 0


def test_stop_lets_all_runs_save_and_the_next_submit_resumes(campaign: SmallCampaign) -> None:
    spec = campaign.spec(seeds=(1, 2, 3), steps=40, pause=0.02)
    campaign.enrol(spec)

    def stop(controller: Controller) -> bool:
        if steps_logged(campaign, "base_s1") < 3:
            return False
        controller.stop("interrupted")
        return True

    assert run(campaign, Once(stop)) == "interrupted"
    assert set(campaign.states().values()) == {"pending"}
    plan = campaign.enrol(spec)
    assert plan.runs[0].action == "resume"
    assert run(campaign) == "complete"
    campaign.audit(steps=40)
    assert kinds(campaign, "base_s1") == ["stopped", "finished"]


def test_a_changed_setting_starts_over_and_keeps_the_old_attempts_aside(campaign: SmallCampaign) -> None:
    campaign.enrol(campaign.spec(seeds=(1,)))
    run(campaign)
    changed = campaign.spec(seeds=(1,), steps=12)
    plan = campaign.enrol(changed)
    assert plan.runs[0].action == "stale"
    run(campaign)
    assert len(list(read_jsonl(campaign.paths.run("base_s1").metrics))) == 10
    campaign.enrol(changed, rerun_stale=True)
    run(campaign)
    campaign.audit(steps=12)
    assert campaign.note("base_s1", 2)["first_step"] == 0
    (aside,) = campaign.paths.run("base_s1").superseded.iterdir()
    assert (aside / "attempts" / "0001" / "metrics.jsonl").exists()
    assert (aside / "config.toml").exists()


def test_a_lost_store_costs_no_step_beyond_the_last_checkpoints(campaign: SmallCampaign) -> None:
    spec = campaign.spec(seeds=(1,), steps=40, pause=0.02)
    campaign.enrol(spec)

    def stop(controller: Controller) -> bool:
        if steps_logged(campaign, "base_s1") < 12:
            return False
        controller.stop("interrupted")
        return True

    run(campaign, Once(stop))
    for path in campaign.paths.root.glob("campaign.db*"):
        path.unlink()
    campaign.enrol(spec)
    run(campaign)
    campaign.audit(steps=40)
    assert campaign.note("base_s1", 2)["first_step"] >= 12


@pytest.mark.parametrize("left", ["seven rows", "checkpoints alone"])
def test_rows_that_were_lost_are_repeated_from_a_checkpoint_that_the_record_covers(
    campaign: SmallCampaign, left: str
) -> None:
    spec = campaign.spec(seeds=(1,))
    campaign.enrol(spec)
    hold = campaign.paths.run("base_s1").root / "HOLD"
    hold.touch()

    def stop(controller: Controller) -> bool:
        if steps_logged(campaign, "base_s1") < 8:
            return False
        controller.stop("interrupted")
        return True

    run(campaign, Once(stop))
    hold.unlink()
    first = campaign.paths.run("base_s1").attempt(1)
    assert first.checkpoint(9).is_dir()
    if left == "seven rows":
        first.metrics.write_text("".join(first.metrics.read_text().splitlines(keepends=True)[:7]))
    else:
        first.metrics.unlink()
        first.started.unlink()
    (planned,) = campaign.enrol(spec).runs
    assert planned.reason.endswith("resumes from step_000005" if left == "seven rows" else "starts over")
    run(campaign)
    note = campaign.note("base_s1", 2)
    assert note["first_step"] == (5 if left == "seven rows" else 0)
    assert "missing from its record" in note["note"]
    assert campaign.states() == {"base_s1": "done"}
    rows = list(read_jsonl(campaign.paths.run("base_s1").metrics))
    assert [row["step"] for row in rows] == list(range(10))


def test_a_run_that_fits_nowhere_is_refused_before_anything_starts(campaign: SmallCampaign) -> None:
    campaign.enrol(campaign.spec(resources=ResourcesSection(num_gpus=1.0)))
    with pytest.raises(Infeasible, match=r"1 GPUs \(resources.num_gpus; available: 0\)"):
        run(campaign)
    assert not campaign.paths.run("base_s1").attempts()


def test_runs_in_flight_stay_about_the_capacity(campaign: SmallCampaign) -> None:
    campaign.enrol(campaign.spec(seeds=range(1, 13), steps=5))
    flying: list[int] = []

    def count(_: Controller) -> None:
        flying.append(list(campaign.states().values()).count("running"))

    run(campaign, count)
    assert max(flying) == 3, "two that run and one that waits inside the backend"
    campaign.audit(steps=5)


def test_moved_campaign_resumes(campaign: SmallCampaign, tmp_path: Path) -> None:
    from campaign.folder.paths import CampaignPaths

    spec = campaign.spec(seeds=(1,))
    campaign.enrol(spec)
    run(campaign)
    campaign.paths.root.rename(tmp_path / "elsewhere")
    moved = SmallCampaign(CampaignPaths(tmp_path / "elsewhere"), campaign.core)
    moved.enrol(moved.spec(seeds=(1, 2)))
    run(moved)
    moved.audit(steps=10)
    assert len(moved.attempts("base_s1")) == 1
