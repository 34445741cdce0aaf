"""Every metric that is logged, once: name, unit, direction, what it is, which stage of a step computes it.

Part of a name in angle brackets stands for one segment: ``val/<source>/correct_rate`` is the schema of
``val/add/correct_rate``. A metric whose role or source does not occur is left out of a row, never 0. A test
refuses a metric that the core logs and this table lacks.

To add one: a line here, in the namespace it belongs to. Tables in the docs, W&B and the report follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

Direction = Literal["higher", "lower", "none"]
"""What is better. none: it describes, and is no goal by itself."""

Stage = Literal[
    "label", "rollout", "reward", "advantage", "loss", "optimizer", "evaluation", "step", "backpressure",
    "judge", "analysis",
]  # fmt: skip


@dataclass(frozen=True)
class Metric:
    name: str
    unit: str
    """`share`: number in [0, 1]; `count`: whole number; `nat`: natural-log units; `flag`: true or false."""
    direction: Direction
    what: str
    where: Stage
    """The stage of a step that computes it."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = re.split(r"(<[a-z]+>)", self.name)
        return re.compile("".join("[^/]+" if part.startswith("<") else re.escape(part) for part in parts))

    @property
    def is_pattern(self) -> bool:
        return "<" in self.name


def _of(where: Stage, rows: Iterable[tuple[str, str, Direction, str]]) -> tuple[Metric, ...]:
    return tuple(Metric(name, unit, direction, what, where) for name, unit, direction, what in rows)


METRICS: tuple[Metric, ...] = (
    *_of("label", [
        ("step", "count", "none", "Step of training, from 0."),
        ("condition", "text", "none", "Label of the condition."),
        ("seed", "count", "none", "Seed of the run."),
    ]),
    *_of("reward", [
        ("mean_reward", "reward", "higher", "Mean reward over the step's completions."),
        ("correct_rate", "share", "higher", "Share of the step's completions whose answer is correct."),
        ("running_correct_rate", "share", "higher", "Correct completions over all completions so far."),
        ("reward_tie_group_rate", "share", "none", "Groups in which at least two rewards are equal."),
        ("reward_uniform_group_rate", "share", "lower", "Groups whose rewards are all equal: no signal."),
        ("reward_tie_pair_rate", "share", "none", "Pairs of completions of one group with equal reward."),
        ("reward_unique_fraction_mean", "share", "none", "Distinct rewards over group size, mean of groups."),
        ("frac_reward_zero_std", "share", "lower", "Groups whose rewards do not vary."),
        ("frac_all_correct", "share", "none", "Groups whose completions are all correct."),
        ("frac_all_wrong", "share", "none", "Groups whose completions are all wrong."),
        ("dataset/<source>/accuracy", "share", "higher", "Correct rate on the prompts of one source."),
        ("dataset/<source>/count", "count", "none", "Completions to prompts of one source."),
        ("dataset/<source>/avg_reward", "reward", "higher", "Mean reward on the prompts of one source."),
        ("train/accuracy_<type>", "share", "higher", "Correct rate on the prompts of one problem type."),
        ("debate/frac_reward_zero_std", "share", "lower", "Debates whose group's rewards do not vary."),
        ("debate/frac_all_correct", "share", "none", "Groups of debates that all end correct."),
        ("debate/frac_all_wrong", "share", "none", "Groups of debates that all end wrong."),
        ("debate/<role>/reward", "reward", "higher", "Mean reward of a role's turns before shaping."),
        ("debate/<role>/shaped_reward", "reward", "none", "Mean reward of a role's turns after shaping."),
        ("debate/shaped_reward", "reward", "none", "Mean shaped reward over all turns."),
        ("debate/team_reward", "reward", "higher", "Mean reward of a debate's final answer."),
        ("debate/correct_rate", "share", "higher", "Share of debates whose final answer is correct."),
    ]),
    *_of("rollout", [
        ("exec_entropy_mean", "nat", "none", "Mean entropy of the policy at execution tokens."),
        ("exec_entropy_var", "nat^2", "none", "Variance of the entropy at execution tokens."),
        ("plan_entropy_mean", "nat", "none", "Mean entropy of the policy at planning tokens."),
        ("plan_entropy_var", "nat^2", "none", "Variance of the entropy at planning tokens."),
        ("plan_token_rate", "share", "none", "Share of tokens that belong to a strategic gram."),
        ("max_token_hit_rate", "share", "lower", "Completions cut off at the longest length."),
        ("completion_length_mean", "tokens", "none", "Mean length of a completion."),
        ("rollout/duration_p50", "s", "lower", "Median duration of a rollout."),
        ("rollout/duration_p95", "s", "lower", "95th percentile of the duration of a rollout."),
        ("rollout/extraction_rate", "share", "higher", "Completions from which an answer could be read."),
        ("rollout/errors", "count", "lower", "Rollouts that ended in an error."),
        ("rollout/error_rate", "share", "lower", "Rollouts that ended in an error, of all."),
        ("rollout/truncated_groups", "count", "lower", "Incomplete groups that were left out."),
        ("debate/<role>/tokens", "tokens", "none", "Mean length of a role's turn."),
    ]),
    *_of("advantage", [
        ("sepa_lambda", "share", "none", "How far execution entropies are pooled towards their mean."),
        ("sepa_gate_open", "flag", "none", "Whether the correct rate has opened SEPA's gate."),
        ("advantage_mean", "", "none", "Mean advantage over tokens that count."),
        ("advantage_std", "", "none", "Standard deviation of the advantage over tokens that count."),
        ("num_datums", "count", "none", "Completions that enter the update."),
        ("debate/<role>/advantage", "", "none", "Mean advantage of a role's tokens."),
    ]),
    *_of("loss", [
        ("loss", "", "none", "Policy loss plus KL term; its size says nothing about progress."),
        ("loss_is_placeholder", "flag", "none", "Whether the backend reports no loss of its own."),
        ("backend_reports_sync_loss", "flag", "none", "Whether the loss belongs to this very step."),
        ("kl", "nat", "lower", "KL divergence to the reference policy, mean over tokens."),
        ("kl_coef", "", "none", "Weight of the KL term at this step."),
        ("clip_fraction", "share", "none", "Tokens whose importance ratio was clipped."),
        ("debate/<role>/kl", "nat", "lower", "KL divergence to the reference policy on a role's tokens."),
        ("debate/<role>/loss", "", "none", "Loss of a role's tokens."),
        ("debate/<role>/loss_share", "share", "none", "A role's part of the loss."),
    ]),
    *_of("optimizer", [
        ("grad_norm", "", "none", "Norm of the gradient before clipping."),
        ("update_norm", "", "none", "Norm of the change of the weights."),
        ("lr", "", "none", "Learning rate of this step."),
    ]),
    *_of("step", [
        ("step_time_s", "s", "lower", "Duration of the step, evaluation left out."),
        ("tokens_per_s", "tokens/s", "higher", "Sampled tokens over the step's duration."),
        ("rollout_time_s", "s", "lower", "Time spent sampling."),
        ("update_time_s", "s", "lower", "Time spent in forward, backward and optimizer."),
        ("eval_time_s", "s", "lower", "Time spent in this step's evaluation."),
        ("cost/tokens", "tokens", "lower", "Tokens sampled so far."),
        ("cost/usd", "USD", "lower", "Money spent so far."),
        ("cost/gpu_hours", "h", "lower", "GPU hours so far."),
        ("gpu/memory_allocated_gb", "GiB", "lower", "Memory that tensors occupy, at its peak in this step."),
        ("gpu/memory_reserved_gb", "GiB", "lower", "Memory that the allocator holds."),
        ("gpu/utilization", "share", "higher", "Share of the time in which a kernel ran."),
        ("gpu/power_w", "W", "lower", "Power drawn."),
    ]),
    *_of("evaluation", [
        ("val/correct_rate", "share", "higher", "Correct rate on held-out prompts, all sources."),
        ("val/mean_reward", "reward", "higher", "Mean reward on held-out prompts."),
        ("val/count", "count", "none", "Held-out completions that were judged."),
        ("val/completion_length_mean", "tokens", "none", "Mean length of a completion to a held-out prompt."),
        ("val/max_token_hit_rate", "share", "lower", "Held-out completions cut off at the longest length."),
        ("val/<source>/correct_rate", "share", "higher", "Correct rate on held-out prompts of one source."),
        ("val/<source>/mean_reward", "reward", "higher", "Mean reward on held-out prompts of one source."),
        ("val/<source>/count", "count", "none", "Held-out completions of one source that were judged."),
    ]),
    *_of("backpressure", [
        ("bp_throughput", "tokens/s", "higher", "Throughput that the regime is judged by."),
        ("bp_regime", "text", "none", "`warmup`, `optimal`, `retrograde` or `memory_bound`."),
        ("bp_action", "text", "none", "`hold`, `throttle` or `raise`."),
        ("bp_p_star", "count", "none", "Batch at which the fitted throughput peaks."),
        ("bp_sigma", "", "lower", "Contention of the USL fit."),
        ("bp_kappa", "", "lower", "Coherence of the USL fit."),
        ("bp_utilization", "share", "higher", "Batch over the batch at the peak."),
        ("bp_batch_size", "count", "none", "Prompts a step after the decision."),
        ("bp_warmup", "flag", "none", "Whether there are too few points for a fit."),
    ]),
    *_of("judge", [
        ("judge/success_rate", "share", "higher", "Judgements that could be used."),
        ("judge/parse_failures", "count", "lower", "Answers of the judge that could not be read."),
        ("judge/api_failures", "count", "lower", "Calls of the judge that failed."),
        ("judge/calls", "count", "none", "Calls of the judge."),
        ("judge/latency_p50", "s", "lower", "Median duration of a call."),
        ("judge/latency_p95", "s", "lower", "95th percentile of the duration of a call."),
    ]),
    *_of("analysis", [
        ("elo/<condition>", "", "higher", "Rating against fixed references."),
    ]),
)  # fmt: skip


@cache
def _exact() -> dict[str, Metric]:
    return {metric.name: metric for metric in METRICS if not metric.is_pattern}


def lookup(name: str) -> Metric | None:
    """The schema of a metric; None when it is in no table. An exact name comes before a pattern."""
    exact = _exact().get(name)
    if exact is not None:
        return exact
    return next((item for item in METRICS if item.is_pattern and item.pattern.fullmatch(name)), None)


def unknown(names: Iterable[str]) -> list[str]:
    """The names, sorted, that no entry of the schema covers."""
    return sorted({name for name in names if lookup(name) is None})


def markdown_table() -> str:
    """The schema as the table in `docs/metrics.md`."""
    better = {"higher": "higher", "lower": "lower", "none": ""}
    lines = ["| metric | unit | better | what | computed in |", "|---|---|---|---|---|"]
    lines += [
        f"| `{item.name}` | {item.unit} | {better[item.direction]} | {item.what} | {item.where} |"
        for item in METRICS
    ]
    return "\n".join(lines)
