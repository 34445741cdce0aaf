"""The optimizer against torch's, and the loss against its formula."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from core_process import run_config

from campaign.core.credit import credit_pipeline
from campaign.core.llama import Llama
from campaign.core.llama_files import load_llama
from campaign.core.optimizer import FlatAdamW
from campaign.core.planning_tokens import PlanningGrams
from campaign.core.policy import EMBEDDED, LlamaPolicy
from campaign.core.problem_stream import load_problems
from campaign.core.rollout import Rollout, roll_out, step_generator
from campaign.core.sepa import SepaState
from campaign.core.tokenizer import WordTokenizer
from campaign.core.update import TrainingDiverged, kl_weight, learning_rate, update
from campaign.spec.config import RunConfig


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_flat_adamw_is_torch_adamw(tiny_llama: Llama, weight_decay: float) -> None:
    twin = copy.deepcopy(tiny_llama)
    ours = FlatAdamW(list(tiny_llama.parameters()), (0.9, 0.95), weight_decay)
    theirs = torch.optim.AdamW(twin.parameters(), lr=0.02, betas=(0.9, 0.95), weight_decay=weight_decay)
    for step in range(5):
        ids = torch.randint(0, 40, (2, 9), generator=torch.Generator().manual_seed(step))
        ours.zero_grad()
        theirs.zero_grad()
        (tiny_llama(ids).square().mean() * 50).backward()
        (twin(ids).square().mean() * 50).backward()
        total = torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
        norms = ours.step(0.02, 0.5, ours.gradient_norm())
        theirs.step()
        assert norms.gradient == pytest.approx(float(total), rel=1e-4)
    for mine, other in zip(tiny_llama.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-4)


def test_update_norm_is_the_distance_the_weights_moved(tiny_llama: Llama) -> None:
    before = copy.deepcopy(tiny_llama)
    optimizer = FlatAdamW(list(tiny_llama.parameters()), (0.9, 0.95), 0.0)
    tiny_llama(torch.tensor([[3, 4, 5]])).square().mean().backward()
    norms = optimizer.step(0.01, 1.0, optimizer.gradient_norm())
    pairs = zip(tiny_llama.parameters(), before.parameters(), strict=True)
    moved = sum(float((a - b).detach().square().sum()) for a, b in pairs) ** 0.5
    assert norms.update == pytest.approx(moved, rel=1e-4)


class Experience:
    """A batch of the embedded model, and everything an update needs."""

    def __init__(self, tokenizer: WordTokenizer, config: RunConfig) -> None:
        self.config = config
        self.model = load_llama(EMBEDDED)
        self.policy = LlamaPolicy(self.model, tokenizer, "embedded", reference=config.algorithm.kl_coef > 0)
        training = config.training
        self.optimizer = FlatAdamW(self.policy.trained_parameters(), training.betas, 0.0)
        self.policy.after_update()
        problems = load_problems(config, Path()).train.batch(0, training.batch_size)
        generator = step_generator("rollout", 1, 0)
        self.rollout: Rollout = roll_out(
            self.policy, problems, PlanningGrams(()), training, training.group_size, generator
        )
        self.advantages = credit_pipeline(config)(self.rollout, 0, SepaState()).tokens

    def log_probs(self, model: Llama) -> torch.Tensor:
        """[rows, tokens] differentiable, one unpacked sequence at a time."""
        result = torch.zeros_like(self.rollout.samples.log_probs)
        for row, ids in enumerate(self.rollout.samples.rows()):
            prompt = list(self.rollout.batch.prompts[row // self.rollout.batch.group_size])
            logits = model(torch.tensor([prompt + ids]))[0, len(prompt) - 1 : -1]
            log_p = torch.log_softmax(logits, -1)[torch.arange(len(ids)), ids]
            result = result.index_put((torch.full((len(ids),), row), torch.arange(len(ids))), log_p)
        return result

    def gradient(self, model: Llama) -> torch.Tensor:
        grads = [p.grad for p in model.parameters()]
        return torch.cat([g.flatten() for g in grads if g is not None])


def test_on_policy_gradient_is_the_policy_gradient(tokenizer: WordTokenizer) -> None:
    batch = Experience(tokenizer, run_config(training={"batch_size": 8}))
    assert (batch.advantages.abs().amax(1) == 0).any(), "some rows have to be left out for this to be a test"
    model = copy.deepcopy(batch.model)
    rows = batch.rollout.rewards.numel()
    (-(batch.log_probs(model) * batch.advantages).sum() / (rows * 48)).backward()
    expected = batch.gradient(model)
    report = update(batch.policy, batch.optimizer, batch.rollout, batch.advantages, batch.config, 0)
    assert report.grad_norm == pytest.approx(float(expected.norm()), rel=1e-4)
    assert report.rows == int((batch.advantages.abs().amax(1) > 0).sum())
    assert report.kl is report.clip_fraction is None


def test_kl_term_is_the_k3_estimate_and_its_gradient(tokenizer: WordTokenizer) -> None:
    config = run_config(algorithm={"kl_coef": 0.5})
    batch = Experience(tokenizer, config)
    reference = copy.deepcopy(batch.model)
    with torch.no_grad():
        noise = torch.Generator().manual_seed(0)
        batch.optimizer.weights.add_(0.01 * torch.randn(batch.optimizer.weights.shape, generator=noise))
    model = copy.deepcopy(batch.model)
    mask, rows = batch.rollout.samples.mask, batch.rollout.rewards.numel()
    log_p = batch.log_probs(model)
    with torch.no_grad():
        gap = batch.log_probs(reference)
    gap = gap - log_p
    k3 = ((gap.exp() - gap - 1) * mask).sum()
    ((-(log_p * batch.advantages).sum() + 0.5 * k3) / (rows * 48)).backward()
    expected = batch.gradient(model)
    report = update(batch.policy, batch.optimizer, batch.rollout, batch.advantages, config, 0)
    assert report.rows == rows
    assert report.kl == pytest.approx(float(k3.detach() / mask.sum()), rel=1e-3)
    assert report.grad_norm == pytest.approx(float(expected.norm()), rel=1e-3)


def test_several_updates_clip_the_importance_ratio(tokenizer: WordTokenizer) -> None:
    config = run_config(
        training={"updates_per_batch": 3, "lr": 0.01, "lr_warmup_steps": 0, "clip_ratio": 0.05}
    )
    batch = Experience(tokenizer, config)
    old = batch.rollout.samples.log_probs
    loose = config.model_copy(
        update={"training": config.training.model_copy(update={"updates_per_batch": 2})}
    )
    twin = Experience(tokenizer, loose)
    update(twin.policy, twin.optimizer, twin.rollout, twin.advantages, loose, 0)
    ratio = torch.exp(twin.log_probs(twin.model).detach() - old)
    credit, mask = batch.advantages, batch.rollout.samples.mask
    counted = mask * (credit.abs().amax(1, keepdim=True) > 0)
    clipped = ratio.clamp(0.95, 1.05)
    surrogate = torch.minimum(ratio * credit, clipped * credit)
    report = update(batch.policy, batch.optimizer, batch.rollout, batch.advantages, config, 0)
    assert report.loss == pytest.approx(
        -float((surrogate * counted).sum()) / (credit.shape[0] * 48), rel=2e-3
    )
    share = float(((clipped * credit < ratio * credit) * counted).sum() / counted.sum())
    assert report.clip_fraction == pytest.approx(share, abs=0.02)
    assert share > 0


def test_batch_of_ties_changes_nothing(tokenizer: WordTokenizer) -> None:
    batch = Experience(tokenizer, run_config())
    before = batch.optimizer.weights.clone()
    report = update(
        batch.policy, batch.optimizer, batch.rollout, torch.zeros_like(batch.advantages), batch.config, 0
    )
    assert torch.equal(before, batch.optimizer.weights)
    assert (report.rows, report.grad_norm, report.update_norm) == (0, 0.0, 0.0)


def test_nan_loss_stops_the_run_at_its_step(tokenizer: WordTokenizer) -> None:
    batch = Experience(tokenizer, run_config())
    with torch.no_grad():
        batch.model.model.norm.weight[0] = float("nan")
    with pytest.raises(TrainingDiverged, match="step 17: the loss is nan"):
        update(batch.policy, batch.optimizer, batch.rollout, batch.advantages, batch.config, 17)


def test_rates_rise_linearly_and_stay() -> None:
    config = run_config(
        training={"lr": 1.0, "lr_warmup_steps": 4}, algorithm={"kl_coef": 0.2, "kl_warmup_steps": 2}
    )
    assert [learning_rate(config, s) for s in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert [kl_weight(config, s) for s in range(4)] == [0.1, 0.2, 0.2, 0.2]
    assert learning_rate(run_config(training={"lr": 1.0, "lr_warmup_steps": 0}), 0) == 1.0
