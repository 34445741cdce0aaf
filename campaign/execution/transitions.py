"""The state of a run after the end of one of its attempts, as pure functions.

A loss is not a failure. The death of a worker or a machine says nothing about the run, so losses have a generous
budget of their own. A core that fails would probably fail again, so failures have a small one.
"""

from __future__ import annotations

from campaign.execution.store import Settlement
from campaign.execution.store_reader import RunRow
from campaign.folder.completeness import Shortfall
from campaign.folder.outcome import Outcome
from campaign.spec.config import RetrySection

LOST = ("killed", "fenced", "blind", "duplicate")
"""Outcomes that say nothing about the run itself."""


def settle(run: RunRow, outcome: Outcome, retry: RetrySection, now: float) -> Settlement:
    """The run's next state and budgets after `outcome`; `now` in seconds since 1970."""
    if outcome.kind == "finished":
        return Settlement("done", run.failures, run.losses)
    if outcome.kind == "stopped":
        return _after_stop(run)
    if outcome.kind in LOST:
        return _after_loss(run, outcome, retry, now)
    return _after_failure(run, outcome, retry, now)


def after_shortfall(run: RunRow, outcome: Outcome, shortfall: Shortfall) -> Settlement:
    """The run's next state when its core has exited with 0 and left a record that is not complete.

    It is not tried again by itself: a core that ends early or logs somewhere else would do so again.
    """
    # A finished core has a reason only when it was asked to stop. Some then save and exit with 0.
    if outcome.reason:
        return _after_stop(run)
    return Settlement(shortfall.state, run.failures, run.losses, error=shortfall.reason)


def _after_stop(run: RunRow) -> Settlement:
    if run.desired == "cancel":
        return Settlement("cancelled", run.failures, run.losses)
    # Stopped with the campaign: neither a loss nor a failure, so no budget is charged.
    return Settlement("pending", run.failures, run.losses)


def _after_loss(run: RunRow, outcome: Outcome, retry: RetrySection, now: float) -> Settlement:
    losses = run.losses + 1
    # The attempt was killed before it could obey, but the user's request is fulfilled.
    if run.desired == "cancel":
        return Settlement("cancelled", run.failures, losses)
    if losses > retry.max_losses:
        error = f"lost {losses} times (retry.max_losses = {retry.max_losses}), last: {outcome.message}"
        return Settlement("failed", run.failures, losses, error=error)
    return Settlement(
        "pending", run.failures, losses, not_before=now + retry.backoff_s, error=outcome.message
    )


def _after_failure(run: RunRow, outcome: Outcome, retry: RetrySection, now: float) -> Settlement:
    failures = run.failures + 1
    if run.desired == "cancel":
        return Settlement("cancelled", failures, run.losses, error=outcome.message)
    if failures > retry.max_failures:
        return Settlement("failed", failures, run.losses, error=outcome.message)
    # The pause doubles, which gives a full disk or an overloaded server time to recover.
    pause = retry.backoff_s * 2 ** (failures - 1)
    return Settlement("pending", failures, run.losses, not_before=now + pause, error=outcome.message)
