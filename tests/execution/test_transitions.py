"""What the end of an attempt makes of its run, for every end and every budget."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from campaign.execution.store_reader import RunRow
from campaign.execution.transitions import LOST, after_shortfall, settle
from campaign.folder.completeness import Shortfall
from campaign.folder.outcome import Outcome, OutcomeKind
from campaign.spec.config import RetrySection

KINDS: tuple[OutcomeKind, ...] = get_args(OutcomeKind)


def row(desired: str = "run", failures: int = 0, losses: int = 0) -> RunRow:
    return RunRow(
        "a_s1", 0, "a", 1, "v1:x", "c", 10, True, desired, "running", 1, failures, losses, 0.0, "", {}
    )  # type: ignore[arg-type]


retries = st.builds(
    RetrySection, max_failures=st.integers(0, 5), max_losses=st.integers(0, 5), backoff_s=st.floats(0, 10)
)


@given(
    st.sampled_from(KINDS), retries, st.integers(0, 6), st.integers(0, 6), st.sampled_from(["run", "cancel"])
)
def test_every_end_leads_to_a_state_that_waits_for_nothing_or_for_a_place(
    kind: OutcomeKind, retry: RetrySection, failures: int, losses: int, desired: str
) -> None:
    end = settle(row(desired, failures, losses), Outcome(kind, 1), retry, now=100.0)
    assert end.state in ("done", "pending", "failed", "cancelled")
    assert (end.state == "done") == (kind == "finished")
    assert end.failures - failures == (kind == "failed")
    assert end.losses - losses == (kind in LOST)
    if desired == "cancel":
        assert end.state in ("done", "cancelled")
    if end.state == "failed":
        assert end.failures > retry.max_failures or end.losses > retry.max_losses
        assert end.error


@given(st.lists(st.sampled_from(["failed", "killed", "blind"]), max_size=30), retries)
def test_budgets_are_separate_and_finite(ends: list[OutcomeKind], retry: RetrySection) -> None:
    run = row()
    for kind in ends:
        end = settle(run, Outcome(kind, 1), retry, now=0.0)
        run = row("run", end.failures, end.losses)
        assert (end.state == "failed") == (
            end.failures > retry.max_failures if kind == "failed" else end.losses > retry.max_losses
        )


def test_pauses_double_with_each_failure_and_not_with_losses() -> None:
    retry = RetrySection(max_failures=9, backoff_s=2.0)
    pauses = [settle(row(failures=n), Outcome("failed", 1), retry, now=0.0).not_before for n in range(4)]
    assert pauses == [2.0, 4.0, 8.0, 16.0]
    assert settle(row(losses=3), Outcome("killed", 1), retry, now=0.0).not_before == 2.0


def test_record_that_is_not_complete_ends_the_run_unless_its_core_was_asked_to_stop() -> None:
    found = Shortfall("short", "it ends early")
    end = after_shortfall(row(failures=1), Outcome("finished", 1, exit_code=0), found)
    assert (end.state, end.error, end.failures) == ("short", "it ends early", 1)
    # Some cores save and exit with 0 when they are asked to stop.
    asked = Outcome("finished", 1, exit_code=0, reason="interrupted")
    assert after_shortfall(row(), asked, found).state == "pending"
    assert after_shortfall(row("cancel"), asked, found).state == "cancelled"


def test_a_run_that_was_stopped_with_its_controller_waits_and_keeps_its_budgets() -> None:
    end = settle(row(failures=1, losses=2), Outcome("stopped", 1), RetrySection(), now=0.0)
    assert (end.state, end.failures, end.losses) == ("pending", 1, 2)
