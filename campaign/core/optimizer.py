"""AdamW on one flat parameter vector.

All trained parameters are views of a single float32 vector, so that an update and the norms take a few vector
operations, and the checkpointed state is three vectors. `torch.optim` is not used, because its first step
imports `torch._dynamo`, which takes longer than all updates of a short run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class UpdateNorms:
    """L2 norms over all trained parameters: of the gradient before clipping, and of the update."""

    gradient: float
    update: float


class FlatAdamW:
    """AdamW (arXiv 1711.05101) with gradient norm clipping."""

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        betas: tuple[float, float],
        weight_decay: float,
        eps: float = 1e-8,
    ) -> None:
        self.betas, self.weight_decay, self.eps = betas, weight_decay, eps
        self.updates = 0
        self._parameters = list(parameters)
        self.weights = torch.cat([p.detach().reshape(-1).float() for p in self._parameters])
        self.first = torch.zeros_like(self.weights)
        self.second = torch.zeros_like(self.weights)
        self._gradient = torch.zeros_like(self.weights)
        # float32 parameters become views of the flat vectors. Parameters of lower precision are copied
        # instead: the flat vector is their float32 master copy, without which small updates would be rounded
        # away.
        self._shared = all(p.dtype == torch.float32 for p in self._parameters)
        if self._shared:
            for parameter, weights, gradient in zip(
                self._parameters, self._views(self.weights), self._views(self._gradient), strict=True
            ):
                parameter.data = weights
                parameter.grad = gradient

    def _views(self, flat: Tensor) -> list[Tensor]:
        parts = torch.split(flat, [p.numel() for p in self._parameters])
        return [part.view(p.shape) for part, p in zip(parts, self._parameters, strict=True)]

    def zero_grad(self) -> None:
        if self._shared:
            self._gradient.zero_()
        else:
            for parameter in self._parameters:
                parameter.grad = None

    def gradient_norm(self) -> float:
        """Gathers the gradient and returns its norm. Call once between `backward` and `step`."""
        if not self._shared:
            for parameter, view in zip(self._parameters, self._views(self._gradient), strict=True):
                view.zero_() if parameter.grad is None else view.copy_(parameter.grad)
        return float(self._gradient.norm())

    @torch.no_grad()
    def step(self, lr: float, max_grad_norm: float, gradient_norm: float) -> UpdateNorms:
        if gradient_norm > max_grad_norm:
            self._gradient.mul_(max_grad_norm / gradient_norm)
        self.updates += 1
        beta1, beta2 = self.betas
        self.first.lerp_(self._gradient, 1 - beta1)
        self.second.mul_(beta2).addcmul_(self._gradient, self._gradient, value=1 - beta2)
        scale = (self.second / (1 - beta2**self.updates)).sqrt_().add_(self.eps)
        change = (self.first / scale).mul_(-lr / (1 - beta1**self.updates))
        if self.weight_decay:
            change.add_(self.weights, alpha=-lr * self.weight_decay)
        self.weights.add_(change)
        self._write_back()
        return UpdateNorms(gradient_norm, float(change.norm()))

    def _write_back(self) -> None:
        if not self._shared:
            with torch.no_grad():
                for parameter, view in zip(self._parameters, self._views(self.weights), strict=True):
                    parameter.copy_(view)

    def state(self) -> dict[str, Tensor]:
        """Weights and moments, each [number of trained parameters]. The caller stores `updates` as well."""
        return {"weights": self.weights, "first_moment": self.first, "second_moment": self.second}

    def load_state(self, state: dict[str, Tensor], updates: int) -> None:
        self.weights.copy_(state["weights"])
        self.first.copy_(state["first_moment"])
        self.second.copy_(state["second_moment"])
        self.updates = updates
        self._write_back()
