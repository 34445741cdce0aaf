"""Uncertainty measures: [rows, tokens] tensors that are zero after the end of a completion.

To add one, add it to `UNCERTAINTIES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from campaign.core.advantages import as_tensor
from campaign.core.dotted import load_function


@dataclass(frozen=True, slots=True)
class UncertaintyContext:
    """The input of an uncertainty measure; all tensors are [rows, tokens]."""

    log_probs: Tensor
    """Log-probabilities of the sampled tokens at the sampling temperature."""
    entropies: Tensor
    """Entropies of the full distributions, in nats."""
    mask: Tensor


def surprisal(context: UncertaintyContext) -> Tensor:
    """-log p, in nats."""
    return -context.log_probs * context.mask


def predictive_variance(context: UncertaintyContext) -> Tensor:
    """p (1 - p)."""
    p = context.log_probs.exp()
    return p * (1 - p) * context.mask


def shannon_entropy(context: UncertaintyContext) -> Tensor:
    """-sum p log p over the vocabulary, in nats."""
    return context.entropies * context.mask


Uncertainty = Callable[[UncertaintyContext], Tensor]

UNCERTAINTIES: dict[str, Uncertainty] = {
    "surprisal": surprisal,
    "predictive_variance": predictive_variance,
    "shannon_entropy": shannon_entropy,
}


def resolve_uncertainty(kind: str) -> Uncertainty:
    """The function that `algorithm.uncertainty_kind` names. Raises `UsageError`."""
    if kind in UNCERTAINTIES:
        return UNCERTAINTIES[kind]
    function = load_function(kind, "algorithm.uncertainty_kind", UNCERTAINTIES)
    return lambda context: as_tensor(function(context), context.mask, kind)
