"""The schedule of SEPA's lambda, the degree to which the uncertainty of execution tokens is pooled.

`linear` increases with the steps; `auto` also increases as the variance of the execution tokens' uncertainty
decreases. A gate keeps lambda at zero until the correct rate has reached a threshold once, and then stays
open.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from campaign.spec.config import SepaSection


@dataclass(frozen=True, slots=True)
class SepaState:
    """The state of the schedule, which is part of every checkpoint."""

    gate_open: bool = False
    variance_ema: float | None = None
    first_variance: float | None = None
    """Mean of the variances observed during the warm-up; constant afterwards."""
    observed: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def observe(state: SepaState, section: SepaSection, correct_rate: float, variance: float | None) -> SepaState:
    """The state after a batch; `variance` is that of its execution tokens' uncertainty, None without any."""
    gate_open = state.gate_open or correct_rate >= section.correct_rate_gate
    state = replace(state, gate_open=gate_open)
    if variance is None:
        return state
    ema, first, observed = state.variance_ema, state.first_variance, state.observed
    ema = variance if ema is None else section.ema_decay * ema + (1 - section.ema_decay) * variance
    if observed < section.warmup_steps:
        first = variance if first is None else (first * observed + variance) / (observed + 1)
    return replace(state, variance_ema=ema, first_variance=first, observed=observed + 1)


def pooling(state: SepaState, section: SepaSection, step: int) -> float:
    """Lambda, in [0, 1], at `step`. `state` must have observed the batch of this step."""
    if not state.gate_open:
        return 0.0
    linear = section.ramp(step)
    if section.schedule == "linear" or state.observed < section.warmup_steps:
        return linear
    return max(linear, _auto(state, section))


def _auto(state: SepaState, section: SepaSection) -> float:
    """1 - min(ema / first / threshold, 1)."""
    if state.variance_ema is None or not state.first_variance:
        return 0.0
    return 1.0 - min(state.variance_ema / state.first_variance / section.threshold, 1.0)
