"""The schema of the metrics: name, unit, direction, meaning, and the stage of a step that computes each one.

A segment in angle brackets is a placeholder: ``val/<source>/correct_rate`` describes
``val/add/correct_rate``. A metric that does not apply to a run is absent from its rows; it is never logged as
0. Tests require that every metric the core logs is defined here, and that some configuration logs every
metric defined here.

To add a metric, add a row to `METRICS` under the stage that computes it. The tables in the docs and in the
report are generated from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

Direction = Literal["higher", "lower", "none"]
"""Which values are better. none: the metric is descriptive and is not optimised."""

Stage = Literal["label", "rollout", "reward", "advantage", "loss", "optimizer", "step", "evaluation"]


@dataclass(frozen=True)
class Metric:
    name: str
    unit: str
    """`share`: number in [0, 1]; `count`: integer; `nat`: natural-log units; `flag`: true or false."""
    direction: Direction
    description: str
    stage: Stage
    """The stage of a training step that computes the metric."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = re.split(r"(<[a-z]+>)", self.name)
        return re.compile("".join("[^/]+" if part.startswith("<") else re.escape(part) for part in parts))

    @property
    def is_pattern(self) -> bool:
        return "<" in self.name


def _stage_metrics(stage: Stage, rows: Iterable[tuple[str, str, Direction, str]]) -> tuple[Metric, ...]:
    return tuple(
        Metric(name, unit, direction, description, stage) for name, unit, direction, description in rows
    )


METRICS: tuple[Metric, ...] = (
    *_stage_metrics("label", [
        ("step", "count", "none", "Training step, counted from 0."),
        ("condition", "text", "none", "Label of the condition."),
        ("seed", "count", "none", "Seed of the run."),
        ("time", "s", "none", "Wall-clock time at which the row was written, in seconds since 1970 (UTC)."),
    ]),
    *_stage_metrics("reward", [
        ("mean_reward", "reward", "higher", "Mean reward over the step's completions."),
        ("correct_rate", "share", "higher", "Share of the step's completions whose answer is correct."),
        ("running_correct_rate", "share", "higher", "Correct completions over all completions so far."),
        ("reward_tie_group_rate", "share", "none", "Groups in which at least two rewards are equal."),
        ("reward_uniform_group_rate", "share", "lower", "Groups whose rewards are all equal: no learning signal."),
        ("reward_tie_pair_rate", "share", "none", "Pairs of completions of one group with equal rewards."),
        ("reward_unique_fraction_mean", "share", "none", "Distinct rewards over group size, mean over groups."),
        ("frac_reward_zero_std", "share", "lower", "Groups whose rewards do not vary."),
        ("frac_all_correct", "share", "none", "Groups whose completions are all correct."),
        ("frac_all_wrong", "share", "none", "Groups whose completions are all wrong."),
        ("dataset/<source>/accuracy", "share", "higher", "Correct rate on the prompts of one source."),
        ("dataset/<source>/count", "count", "none", "Completions to prompts of one source."),
        ("dataset/<source>/avg_reward", "reward", "higher", "Mean reward on the prompts of one source."),
        ("train/accuracy_<type>", "share", "higher", "Correct rate on the prompts of one problem type."),
    ]),
    *_stage_metrics("rollout", [
        ("exec_entropy_mean", "nat", "none", "Mean entropy of the policy at execution tokens."),
        ("exec_entropy_var", "nat^2", "none", "Variance of the entropy at execution tokens."),
        ("plan_entropy_mean", "nat", "none", "Mean entropy of the policy at planning tokens."),
        ("plan_entropy_var", "nat^2", "none", "Variance of the entropy at planning tokens."),
        ("plan_token_rate", "share", "none", "Share of tokens that overlap a planning phrase."),
        ("max_token_hit_rate", "share", "lower", "Completions truncated at the maximum length."),
        ("completion_length_mean", "tokens", "none", "Mean length of a completion."),
        ("rollout/extraction_rate", "share", "higher", "Completions that mark an answer."),
    ]),
    *_stage_metrics("advantage", [
        ("sepa_lambda", "share", "none", "How far execution uncertainties are pooled towards their mean."),
        ("sepa_gate_open", "flag", "none", "Whether the correct rate has reached SEPA's gate."),
        ("num_datums", "count", "none", "Completions that enter the update."),
    ]),
    *_stage_metrics("loss", [
        ("loss", "", "none", "Policy loss plus KL term; its magnitude does not measure progress."),
        ("loss_is_placeholder", "flag", "none", "Whether the backend reports no loss of its own."),
        ("backend_reports_sync_loss", "flag", "none", "Whether `loss` is that of this step."),
        ("kl", "nat", "lower", "KL divergence to the reference policy, mean over tokens."),
        ("kl_coef", "", "none", "Weight of the KL term at this step."),
        ("clip_fraction", "share", "none", "Share of tokens whose importance ratio was clipped."),
    ]),
    *_stage_metrics("optimizer", [
        ("grad_norm", "", "none", "Norm of the gradient before clipping."),
        ("update_norm", "", "none", "Norm of the change in the weights."),
        ("lr", "", "none", "Learning rate of this step."),
    ]),
    *_stage_metrics("step", [
        ("step_time_s", "s", "lower", "Duration of the step, without evaluation."),
        ("tokens_per_s", "tokens/s", "higher", "Sampled tokens per second of the step."),
        ("rollout_time_s", "s", "lower", "Time spent sampling."),
        ("update_time_s", "s", "lower", "Time spent in forward, backward and optimizer."),
        ("eval_time_s", "s", "lower", "Time spent in this step's evaluation."),
        ("cost/tokens", "tokens", "lower", "Tokens sampled since the start of the run."),
    ]),
    *_stage_metrics("evaluation", [
        ("val/correct_rate", "share", "higher", "Correct rate on held-out prompts of all sources."),
        ("val/mean_reward", "reward", "higher", "Mean reward on held-out prompts."),
        ("val/count", "count", "none", "Held-out completions that were scored."),
        ("val/completion_length_mean", "tokens", "none", "Mean length of completions to held-out prompts."),
        ("val/max_token_hit_rate", "share", "lower", "Truncated held-out completions."),
        ("val/<source>/correct_rate", "share", "higher", "Correct rate on held-out prompts of one source."),
        ("val/<source>/mean_reward", "reward", "higher", "Mean reward on held-out prompts of one source."),
        ("val/<source>/count", "count", "none", "Held-out completions of one source that were scored."),
    ]),
)  # fmt: skip


@cache
def _exact() -> dict[str, Metric]:
    return {metric.name: metric for metric in METRICS if not metric.is_pattern}


def lookup(name: str) -> Metric | None:
    """The definition of a metric; None when there is none."""
    exact = _exact().get(name)
    if exact is not None:
        return exact
    return next((metric for metric in METRICS if metric.is_pattern and metric.pattern.fullmatch(name)), None)


def unknown(names: Iterable[str]) -> list[str]:
    """The names that have no definition, sorted and without duplicates."""
    return sorted({name for name in names if lookup(name) is None})


def markdown_table() -> str:
    """The schema as the table in `docs/metrics.md`."""
    better = {"higher": "higher", "lower": "lower", "none": ""}
    lines = ["| metric | unit | better | what | computed in |", "|---|---|---|---|---|"]
    lines += [
        f"| `{metric.name}` | {metric.unit} | {better[metric.direction]} | {metric.description} | {metric.stage} |"
        for metric in METRICS
    ]
    return "\n".join(lines)
