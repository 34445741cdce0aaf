"""Advantages, uncertainties, transforms, SEPA's lambda: against the formulas written out naively."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from core_process import run_config
from hypothesis import given
from hypothesis import strategies as st

from campaign.core.advantages import ADVANTAGES, resolve_advantage
from campaign.core.credit import AlgorithmContext, credit_pipeline
from campaign.core.credit_reference import updated
from campaign.core.policy import PromptBatch
from campaign.core.problem_stream import Problem
from campaign.core.rollout import Rollout
from campaign.core.sampler import Samples
from campaign.core.sepa import SepaState, observe, pooling
from campaign.core.transforms import TRANSFORMS, TransformContext, resolve_transform
from campaign.core.uncertainty import UNCERTAINTIES, UncertaintyContext, resolve_uncertainty
from campaign.errors import UsageError
from campaign.spec import config as spec_names
from campaign.spec.config import SepaSection

Table = list[list[float]]

reward_values = st.sampled_from([0.0, 1.0, 0.25, 0.5])


@st.composite
def reward_tables(draw: st.DrawFn) -> Table:
    group = draw(st.integers(2, 6))
    return draw(st.lists(st.lists(reward_values, min_size=group, max_size=group), min_size=1, max_size=4))


def naive_advantage(mode: str, rewards: Table) -> Table:
    every = [r for group in rewards for r in group]
    batch_mean = sum(every) / len(every)
    deviation = math.sqrt(sum((r - batch_mean) ** 2 for r in every) / len(every))
    result: Table = []
    for group in rewards:
        mean = sum(group) / len(group)
        row: list[float] = []
        for i, r in enumerate(group):
            others = [other for j, other in enumerate(group) if j != i]
            row.append(
                {
                    "grpo": r - mean,
                    "maxrl": 0.0 if mean == 0 else (r - mean) / (mean + 1e-6),
                    "rloo": r - sum(others) / len(others),
                    "reinforce_pp": (r - batch_mean) / (deviation + 1e-6),
                }[mode]
            )
        result.append(row)
    return result


@pytest.mark.parametrize("mode", sorted(ADVANTAGES))
@given(rewards=reward_tables())
def test_advantage_is_its_formula(mode: str, rewards: Table) -> None:
    got = ADVANTAGES[mode](torch.tensor(rewards))
    torch.testing.assert_close(got, torch.tensor(naive_advantage(mode, rewards)), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("mode", sorted(ADVANTAGES))
@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_advantage_of_a_batch_of_ties_is_exactly_zero(mode: str, reward: float) -> None:
    assert (ADVANTAGES[mode](torch.full((3, 8), reward)) == 0).all()


probabilities = st.floats(0.01, 1.0)


@given(st.lists(probabilities, min_size=1, max_size=8))
def test_uncertainties_are_their_formulas(p: list[float]) -> None:
    log_probs = torch.tensor([[*p, 1.0]]).log()
    mask = torch.tensor([[1.0] * len(p) + [0.0]])
    entropies = torch.tensor([[0.3] * len(p) + [9.0]])
    context = UncertaintyContext(log_probs, entropies, mask)
    expected = {
        "surprisal": [-math.log(q) for q in p],
        "predictive_variance": [q * (1 - q) for q in p],
        "shannon_entropy": [0.3] * len(p),
    }
    assert set(expected) == set(UNCERTAINTIES)
    for kind, values in expected.items():
        got = resolve_uncertainty(kind)(context)
        torch.testing.assert_close(got, torch.tensor([[*values, 0.0]]), atol=1e-5, rtol=1e-4)


uncertainties = st.one_of(st.just(0.0), st.floats(1e-3, 5))


@st.composite
def token_tables(draw: st.DrawFn) -> tuple[list[float], Table, list[list[bool]]]:
    """Advantages, uncertainties and planning marks of rows of different lengths."""
    rows = draw(st.integers(1, 4))
    advantages = draw(st.lists(st.floats(-2, 2), min_size=rows, max_size=rows))
    lengths = draw(st.lists(st.integers(1, 6), min_size=rows, max_size=rows))
    unc = [draw(st.lists(uncertainties, min_size=n, max_size=n)) for n in lengths]
    plan = [draw(st.lists(st.booleans(), min_size=n, max_size=n)) for n in lengths]
    return advantages, unc, plan


def padded(table: list[Any]) -> torch.Tensor:
    longest = max(map(len, table))
    return torch.tensor([[float(v) for v in row] + [0.0] * (longest - len(row)) for row in table])


def context_of(
    advantages: list[float], unc: Table, plan: list[list[bool]], *, beta: float, alpha: float, weight: float
) -> TransformContext:
    zeros = torch.zeros(padded(unc).shape)
    return TransformContext(
        advantages=torch.tensor(advantages),
        uncertainty=padded(unc),
        planning=padded(plan),
        mask=padded([[1] * len(row) for row in unc]),
        rewards=torch.zeros(len(unc)),
        tokens=zeros.long(),
        log_probs=zeros,
        group_size=len(unc),
        step=0,
        gtpo_beta=beta,
        hicra_alpha=alpha,
        sepa_lambda=weight,
        params={},
    )


def naive_gtpo(advantage: float, unc: list[float], beta: float) -> list[float]:
    mean = sum(unc) / len(unc)
    if mean == 0:
        return [advantage] * len(unc)
    return [advantage * max(0.0, 1 + beta * (h / mean - 1)) for h in unc]


def naive_token_credit(
    mode: str, advantage: float, unc: list[float], plan: list[bool], beta: float, alpha: float, weight: float
) -> list[float]:
    if mode == "none":
        return [advantage] * len(unc)
    if mode == "gtpo_sepa":
        execution = [h for h, p in zip(unc, plan, strict=True) if not p]
        mean = sum(execution) / len(execution) if execution else 0.0
        unc = [h if p else weight * mean + (1 - weight) * h for h, p in zip(unc, plan, strict=True)]
    credit = naive_gtpo(advantage, unc, beta)
    if mode == "gtpo_hicra":
        credit = [a + alpha * abs(a) if p else a for a, p in zip(credit, plan, strict=True)]
    return credit


@pytest.mark.parametrize("mode", sorted(TRANSFORMS))
@given(
    table=token_tables(),
    beta=st.floats(0, 3),
    alpha=st.floats(0, 1),
    weight=st.floats(0, 1),
)
def test_transform_is_its_formula(
    mode: str,
    table: tuple[list[float], Table, list[list[bool]]],
    beta: float,
    alpha: float,
    weight: float,
) -> None:
    advantages, unc, plan = table
    got = TRANSFORMS[mode](context_of(advantages, unc, plan, beta=beta, alpha=alpha, weight=weight))
    expected = padded(
        [
            naive_token_credit(mode, a, h, p, beta, alpha, weight)
            for a, h, p in zip(advantages, unc, plan, strict=True)
        ]
    )
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-3)


def test_sepa_without_pooling_is_gtpo_to_the_bit() -> None:
    context = context_of([0.5, -1.0], [[0.1, 2.0, 0.3], [1.0, 0.2]], [[False] * 3, [True, False]],
                         beta=0.4, alpha=0.2, weight=0.0)  # fmt: skip
    assert torch.equal(TRANSFORMS["gtpo_sepa"](context), TRANSFORMS["gtpo"](context))


# --- functions of the user, by dotted path --------------------------------------------------------


def halved(rewards: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
    return rewards * params["factor"]


def misshapen(_rewards: torch.Tensor, _params: dict[str, Any]) -> list[float]:
    return [1.0]


def infinite(context: TransformContext) -> torch.Tensor:
    return context.mask * float("inf")


def last_token_only(context: TransformContext) -> torch.Tensor:
    credit = torch.zeros_like(context.mask)
    last = context.mask.sum(1).long() - 1
    credit[torch.arange(len(last)), last] = context.advantages * context.params["weight"]
    return credit


def whole_pipeline(context: AlgorithmContext) -> torch.Tensor:
    return context.rewards.flatten()[:, None] * context.params["scale"] * context.mask


def doubt(context: UncertaintyContext) -> torch.Tensor:
    return context.mask * 0.5


HERE = __name__


def test_dotted_advantage_gets_its_params() -> None:
    function = resolve_advantage(f"{HERE}.halved", {"factor": 0.5})
    assert function(torch.tensor([[1.0, 0.0]])).tolist() == [[0.5, 0.0]]


def test_dotted_transform_gets_the_context() -> None:
    context = context_of([2.0], [[1.0, 1.0, 1.0]], [[False] * 3], beta=0.1, alpha=0.2, weight=0.0)
    object.__setattr__(context, "params", {"weight": 3.0})
    assert resolve_transform(f"{HERE}.last_token_only")(context).tolist() == [[0.0, 0.0, 6.0]]


def test_dotted_uncertainty_gets_the_context() -> None:
    ones = torch.ones(1, 2)
    assert resolve_uncertainty(f"{HERE}.doubt")(UncertaintyContext(ones, ones, ones)).tolist() == [[0.5, 0.5]]


def test_invalid_results_of_user_functions_are_reported() -> None:
    with pytest.raises(UsageError, match=r"shape \(1,\) instead of \(1, 2\)"):
        resolve_advantage(f"{HERE}.misshapen", {})(torch.tensor([[1.0, 0.0]]))
    context = context_of([2.0], [[1.0]], [[False]], beta=0.1, alpha=0.2, weight=0.0)
    with pytest.raises(UsageError, match="not finite"):
        resolve_transform(f"{HERE}.infinite")(context)


def test_unknown_names_are_reported_with_the_closest_match() -> None:
    with pytest.raises(UsageError, match="did you mean `grpo`"):
        resolve_advantage("grop", {})
    with pytest.raises(UsageError, match="cannot be imported"):
        resolve_transform("no_such_package.fn")
    with pytest.raises(UsageError, match="has no function 'nothing'"):
        resolve_uncertainty(f"{HERE}.nothing")


def rollout_of(rewards: Table, lengths: list[int]) -> Rollout:
    rows, longest = len(lengths), max(lengths)
    entropies = torch.rand(rows, longest, generator=torch.Generator().manual_seed(1)) + 0.1
    samples = Samples(
        torch.ones(rows, longest, dtype=torch.long), -entropies, entropies,
        torch.tensor(lengths), torch.ones(rows, dtype=torch.bool),
    )  # fmt: skip
    problems = tuple(Problem("add", "Q", "1", "exact") for _ in rewards)
    batch = PromptBatch(tuple((5,) for _ in rewards), len(rewards[0]), 1.0)
    return Rollout(problems, batch, samples, ("",) * rows, torch.tensor(rewards), torch.zeros(rows, longest))


def test_algorithm_mode_replaces_advantage_and_transform() -> None:
    config = run_config(
        algorithm={
            "algorithm_mode": f"{HERE}.whole_pipeline",
            "params": {"scale": 3.0},
            "transform_mode": "gtpo",
        }
    )
    credit = credit_pipeline(config)(rollout_of([[1.0, 0.0]], [2, 1]), 0, SepaState())
    assert credit.tokens.tolist() == [[3.0, 3.0], [0.0, 0.0]]


def test_credit_beyond_the_end_of_a_completion_is_zero() -> None:
    config = run_config(algorithm={"transform_mode": "gtpo_sepa"})
    credit = credit_pipeline(config)(rollout_of([[1.0, 0.0]], [3, 1]), 0, SepaState())
    assert credit.tokens[1, 1:].tolist() == [0.0, 0.0]
    assert credit.tokens[0].abs().min() > 0


# --- SEPA ---------------------------------------------------------------------------------------


def test_gate_opens_once_and_stays_open() -> None:
    section = SepaSection(correct_rate_gate=0.3, delay_steps=0, steps=10)
    state = observe(SepaState(), section, 0.29, 1.0)
    assert (state.gate_open, pooling(state, section, 5)) == (False, 0.0)
    state = observe(state, section, 0.3, 1.0)
    assert (state.gate_open, pooling(state, section, 5)) == (True, 0.5)
    state = observe(state, section, 0.0, 1.0)
    assert (state.gate_open, pooling(state, section, 6)) == (True, 0.6)


def test_gate_of_zero_is_always_open() -> None:
    section = SepaSection(correct_rate_gate=0.0, delay_steps=0, steps=10)
    assert observe(SepaState(), section, 0.0, None).gate_open


@given(st.integers(0, 2000), st.integers(0, 300), st.integers(1, 800))
def test_linear_lambda_is_a_ramp_after_its_delay(step: int, delay: int, steps: int) -> None:
    section = SepaSection(correct_rate_gate=0.0, delay_steps=delay, steps=steps)
    expected = 0.0 if step < delay else min(1.0, (step - delay) / steps)
    assert pooling(SepaState(gate_open=True), section, step) == pytest.approx(expected)


@given(st.lists(st.floats(0.001, 2.0), min_size=1, max_size=30))
def test_auto_lambda_follows_the_variance_with_the_ramp_as_floor(variances: list[float]) -> None:
    section = SepaSection(
        schedule="auto",
        correct_rate_gate=0.0,
        delay_steps=0,
        steps=1000,
        ema_decay=0.5,
        warmup_steps=4,
        threshold=0.5,
    )
    state, ema = SepaState(), None
    for step, variance in enumerate(variances):
        state = observe(state, section, 0.0, variance)
        ema = variance if ema is None else 0.5 * ema + 0.5 * variance
        floor = step / 1000
        if step + 1 < 4:
            expected = floor
        else:
            first = sum(variances[:4]) / 4
            expected = max(floor, 1 - min(ema / first / 0.5, 1))
        assert pooling(state, section, step) == pytest.approx(expected, abs=1e-9)


def test_auto_lambda_rises_to_one_when_the_variance_vanishes() -> None:
    section = SepaSection(schedule="auto", correct_rate_gate=0.0, ema_decay=0.0, warmup_steps=1, steps=10**6)
    state = observe(SepaState(), section, 0.0, 1.0)
    assert pooling(state, section, 0) == 0.0
    assert pooling(observe(state, section, 0.0, 0.0), section, 1) == 1.0


def test_names_of_the_configuration_are_those_of_the_core() -> None:
    assert tuple(ADVANTAGES) == spec_names.ADVANTAGES
    assert tuple(TRANSFORMS) == spec_names.TRANSFORMS
    assert tuple(UNCERTAINTIES) == spec_names.UNCERTAINTIES


def test_tables_of_the_documentation_are_current() -> None:
    page = (Path(__file__).parents[2] / "docs" / "core.md").read_text(encoding="utf-8")
    assert updated(page) == page, "run: python -m campaign.core.credit_reference docs/core.md"
