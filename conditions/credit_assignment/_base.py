"""The configuration that all conditions of this family share.

A condition sets its two fields under test and takes all other fields from here, so that `campaign check` can prove
that nothing else differs.
"""

from __future__ import annotations

STEPS = 80
"""Number of steps of every run. SEPA's lambda reaches 1 soon after half of them."""

BATCH = 8
GROUP = 8

SHARED = {
    "model": {"model": "embedded"},
    "data": {"sources": ["add", "modmul", "sort", "chain"], "level": 0},
    "training": {
        "max_steps": STEPS,
        "batch_size": BATCH,
        "group_size": GROUP,
        "max_tokens": 48,
        "temperature": 1.0,
        "lr": 3e-4,
        "lr_warmup_steps": 5,
        "eval_every": STEPS // 4,
        "eval_size": 64,
        "save_every": STEPS // 2,
    },
    "gtpo": {"beta": 0.1},
    "hicra": {"alpha": 0.2},
    "sepa": {"steps": STEPS // 2, "delay_steps": STEPS // 10, "correct_rate_gate": 0.1},
}


def condition(advantage: str, transform: str) -> dict[str, object]:
    """The configuration of one condition, from its advantage and its token transform."""
    algorithm = {
        "advantage_mode": advantage,
        "transform_mode": transform,
        "uncertainty_kind": "shannon_entropy",
        "kl_coef": 0.0,
    }
    return {**SHARED, "algorithm": algorithm}
