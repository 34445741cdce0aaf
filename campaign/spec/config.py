"""The resolved configuration of one run: all sections and all fields.

The docstring below a field is the single source of its documentation in docs/spec.md and in the JSON Schema. Every
field is marked as part of a run's *identity* (it can change the run's result) or as a *runtime* setting (it cannot); a
test refuses a field that is not marked.

To add a field, write it here with its docstring, wrapped in `Identity` or `Runtime`, and say in
`campaign.spec.unread_fields` when it is read. To add a section, write its
model, add it to `RunConfig`, and remove its name from `RESERVED_SECTIONS` if it is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from campaign.spec.constraints import NamedOrDotted, Text
from campaign.spec.section import Section

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Classified:
    """Whether a field can change a run's result."""

    kind: Literal["identity", "runtime"]


Identity = Annotated[T, Classified("identity")]
Runtime = Annotated[T, Classified("runtime")]

Positive = Annotated[int, Field(gt=0, le=10**9)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
NonNegative = Annotated[float, Field(ge=0.0, le=1e9)]
PositiveFloat = Annotated[float, Field(gt=0.0, le=1e9)]
DecayRate = Annotated[float, Field(ge=0.0, lt=1.0)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
MetricName = Annotated[str, Text(r"^[^\s\"](.*[^\s\"])?$", "the name of a metric")]
ContentHash = Annotated[str, Text(r"^[0-9a-f]{64}$", "64 hexadecimal digits")]

ADVANTAGES = ("grpo", "maxrl", "rloo", "reinforce_pp")
TRANSFORMS = ("none", "gtpo", "gtpo_hicra", "gtpo_sepa")
UNCERTAINTIES = ("surprisal", "predictive_variance", "shannon_entropy")
SOURCES = ("add", "modmul", "sort", "chain")
"""Procedural task sources of the built-in core."""
BackendName = Literal["ray", "local"]
"""Names of the backends; `campaign.execution.backend.BACKENDS` has a row for each."""

RESERVED_SECTIONS: dict[str, str] = {
    "debate": "solver, verifier and judge turns by one policy",
    "judge": "rewards from a language model behind an OpenAI-compatible endpoint",
    "backpressure": "throughput regimes that throttle or raise the batch",
    "health": "rules over running and finished runs",
}
"""Sections of later releases, with what they will configure; using one in this release is an error."""


class CoreSection(Section):
    """The training core: the built-in one, a Python entry point, or any command."""

    entrypoint: Identity[
        Annotated[str, Text(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", "`pkg.module:function`")] | None
    ] = None
    """`pkg.module:function`, called with a `RunContext` in a separate process."""
    command: Identity[tuple[str, ...] | None] = None
    """Program and arguments; `{config}`, `{run_dir}`, `{seed}` and `{checkpoint}` are replaced."""
    entrypoint_sha256: Identity[ContentHash | None] = None
    """SHA-256 of the source of `entrypoint`. Computed when not given."""
    command_sha256: Identity[ContentHash | None] = None
    """SHA-256 of the local files and modules that `command` names, such as `train.py`. Computed when not given."""
    metrics_file: Identity[str] = "metrics.jsonl"
    """File in the run's folder to which the command appends one JSON object per step."""
    metrics_map: Identity[dict[str, str]] = {}
    """Metric name of campaign = name in the command's own log, for example `correct_rate = "train/acc"`."""
    early_stopping: Runtime[bool] = False
    """Whether a run is complete wherever its core ends with exit code 0; without it, a run whose record ends before
    `training.max_steps` is `short`. Set for a command when the file does not give `max_steps`."""
    metrics: Runtime[tuple[MetricName, ...] | None] = None
    """Metrics that a command or an entry point logs, under campaign's names, for example
    `["correct_rate", "val/correct_rate", "kl"]`. A hypothesis about any other metric is refused. When not given, the
    first run shows them."""
    env: Identity[dict[str, str]] = {}
    """Environment variables of the process. Not for secrets, which come from the environment of `campaign submit`."""
    options: Identity[dict[str, Any]] = {}
    """Free-form settings for the entry point or command; conditions may differ in `core.options.<key>`."""


class ModelSection(Section):
    """The policy to train."""

    model: Identity[str] = "embedded"
    """`embedded` (0.3 M parameters, part of the package), a folder in Hugging Face format (relative to the campaign
    file), or a hub name. The content of a folder is part of the identity, as `model_sha256`; its location is not."""
    model_sha256: Identity[ContentHash | None] = None
    """SHA-256 of the files in the folder `model`. Computed when not given; when given, the folder must match it."""
    revision: Identity[str | None] = None
    """Commit of a hub model."""
    lora_rank: Identity[Count] = 0
    """Rank of the LoRA adapter; 0 trains all weights without an adapter."""
    lora_alpha: Identity[PositiveFloat | None] = None
    """Numerator of the LoRA scale; default: twice the rank."""
    lora_targets: Identity[tuple[str, ...]] = (
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
    )
    """Names of the linear layers that get an adapter."""
    dtype: Identity[Literal["float32", "bfloat16"]] = "float32"
    """Precision of the weights."""


class DataSection(Section):
    """The prompts, and the answers that rewards are computed from."""

    sources: Identity[tuple[Annotated[str, NamedOrDotted(SOURCES)], ...]] = SOURCES
    """Procedural task sources, used in turn; ignored when `path` is given."""
    sources_sha256: Identity[ContentHash | None] = None
    """SHA-256 of the source of the functions in `sources`. Computed when not given."""
    level: Identity[Annotated[int, Field(ge=0, le=1)]] = 0
    """Difficulty of the procedural sources."""
    path: Runtime[str | None] = None
    """A JSONL file with `prompt`, `answer`, and optionally `source` and `problem_type` in each line; relative to the
    campaign file. Its content is part of the identity, as `path_sha256`; its location is not."""
    path_sha256: Identity[ContentHash | None] = None
    """SHA-256 of the content of `path`. Computed when not given; when given, the file must match it."""
    eval_path: Runtime[str | None] = None
    """A JSONL file like `path`, with held-out prompts."""
    eval_path_sha256: Identity[ContentHash | None] = None
    """SHA-256 of the content of `eval_path`. Computed when not given; when given, the file must match it."""
    weights: Identity[dict[str, PositiveFloat]] = {}
    """Weight of each source in the mixture; 1 for sources that are not listed."""


class TrainingSection(Section):
    """Length, batch, and optimizer of the training."""

    seed: Identity[Seed] = 0
    """Set for each run from `campaign.seeds`."""
    max_steps: Identity[Positive] = 100
    """RL steps: one step samples a batch and updates the policy."""
    batch_size: Identity[Positive] = 8
    """Prompts per step."""
    group_size: Identity[Annotated[int, Field(ge=2, le=4096)]] = 8
    """Completions sampled per prompt."""
    max_tokens: Identity[Positive] = 48
    """Most tokens of a completion."""
    temperature: Identity[PositiveFloat] = 1.0
    """Sampling temperature."""
    lr: Identity[PositiveFloat] = 3e-4
    """Peak learning rate of AdamW."""
    lr_warmup_steps: Identity[Count] = 5
    """Steps over which the learning rate rises linearly to its peak."""
    weight_decay: Identity[NonNegative] = 0.0
    """Decoupled weight decay."""
    betas: Identity[tuple[DecayRate, DecayRate]] = (0.9, 0.95)
    """Decay rates of AdamW's moments."""
    max_grad_norm: Identity[PositiveFloat] = 1.0
    """Norm to which gradients are clipped."""
    updates_per_batch: Identity[Positive] = 1
    """Optimizer updates per batch; above 1, the clipped importance ratio is used."""
    clip_ratio: Identity[PositiveFloat] = 0.2
    """Half-width of the clipped importance ratio."""
    eval_every: Identity[Count] = 20
    """Steps between held-out evaluations; 0 for none. Above 0, the last step is always evaluated too."""
    eval_size: Identity[Positive] = 64
    """Held-out prompts per source in each evaluation."""
    save_every: Runtime[Count] = 25
    """Steps between checkpoints; 0 writes only the last."""
    log_generations: Runtime[Count] = 2
    """Prompts per step whose completions are written to `emergence/generations.jsonl`."""
    threads: Identity[Positive] = 1
    """CPU threads of the process. Results are bit-identical only for the same number."""


class AlgorithmSection(Section):
    """How credit is assigned to tokens."""

    advantage_mode: Identity[Annotated[str, NamedOrDotted(ADVANTAGES)]] = "grpo"
    """Episode-level advantage: `grpo`, `maxrl`, `rloo`, `reinforce_pp`, or a dotted path `pkg.mod.fn`."""
    advantage_mode_sha256: Identity[ContentHash | None] = None
    """SHA-256 of the source of `advantage_mode` when it is a function. Computed when not given."""
    transform_mode: Identity[Annotated[str, NamedOrDotted(TRANSFORMS)]] = "none"
    """Token-level transform of the advantage: `none`, `gtpo`, `gtpo_hicra`, `gtpo_sepa`, or a dotted path."""
    transform_mode_sha256: Identity[ContentHash | None] = None
    """SHA-256 of the source of `transform_mode` when it is a function. Computed when not given."""
    uncertainty_kind: Identity[Annotated[str, NamedOrDotted(UNCERTAINTIES)]] = "shannon_entropy"
    """Token-level uncertainty: `surprisal`, `predictive_variance`, `shannon_entropy`, or a dotted path."""
    uncertainty_kind_sha256: Identity[ContentHash | None] = None
    """SHA-256 of the source of `uncertainty_kind` when it is a function. Computed when not given."""
    algorithm_mode: Identity[Annotated[str, NamedOrDotted(())] | None] = None
    """Dotted path of a function that replaces advantage and transform."""
    algorithm_mode_sha256: Identity[ContentHash | None] = None
    """SHA-256 of the source of `algorithm_mode` when it is a function. Computed when not given."""
    params: Identity[dict[str, Any]] = {}
    """Settings of `algorithm_mode`."""
    advantage_params: Identity[dict[str, Any]] = {}
    """Settings of an `advantage_mode` that is a dotted path."""
    transform_params: Identity[dict[str, Any]] = {}
    """Settings of a `transform_mode` that is a dotted path."""
    kl_coef: Identity[NonNegative] = 0.0
    """Weight of the KL divergence to the reference policy."""
    kl_warmup_steps: Identity[Count] = 0
    """Steps over which the KL weight rises linearly."""
    strategic_grams: Identity[tuple[str, ...]] = (
        "let me think",
        "wait let me",
        "let me check",
        "quick guess",
        "on second thought",
        "the key is",
        "notice that",
        "let me verify",
        "double check",
    )
    """Phrases whose tokens count as planning tokens; all other tokens are execution tokens."""

    @property
    def uses_sepa(self) -> bool:
        """Whether the transform gets SEPA's lambda. A user's transform may use it."""
        built_in = self.transform_mode in TRANSFORMS
        return self.algorithm_mode is None and (self.transform_mode == "gtpo_sepa" or not built_in)


class GtpoSection(Section):
    """Entropy-weighted token advantages."""

    beta: Identity[NonNegative] = 0.1
    """Strength: the weight of a token is max(0, 1 + beta (H / mean H - 1))."""


class HicraSection(Section):
    """Amplified advantages of planning tokens."""

    alpha: Identity[NonNegative] = 0.2
    """Strength: the advantage of a planning token becomes A + alpha |A|."""


class SepaSection(Section):
    """Selective entropy pooling of execution tokens."""

    steps: Identity[Positive] = 500
    """Steps over which lambda rises linearly from 0 to 1."""
    schedule: Identity[Literal["linear", "auto"]] = "linear"
    """`auto` raises lambda as the variance of the execution entropy falls, and never below the linear ramp."""
    delay_steps: Identity[Count] = 50
    """Steps before the ramp starts."""
    correct_rate_gate: Identity[Share] = 0.1
    """Correct rate at which pooling starts, permanently; 0 starts it without a condition."""
    ema_decay: Identity[Share] = 0.99
    """Decay of the moving average of the variance (`auto`)."""
    threshold: Identity[PositiveFloat] = 0.2
    """Fraction of the initial variance below which lambda starts to rise; lambda is 1 at variance 0 (`auto`)."""
    warmup_steps: Identity[Positive] = 50
    """Steps from which the initial variance is measured (`auto`)."""

    def ramp(self, step: int) -> float:
        """Lambda of the linear schedule at `step`, in [0, 1]."""
        return min(1.0, max(0.0, (step - self.delay_steps) / self.steps))


class SqueezeSection(Section):
    """LoRA-Squeeze after the first run: which rank the update really uses (arXiv 2602.10993)."""

    min_variance_retention: Runtime[Share] = 0.95
    """Fraction of the update's variance that the recommended rank must retain."""
    target_ranks: Runtime[tuple[Positive, ...]] = ()
    """Ranks to list; default: powers of two up to the rank of the adapter."""


class ResourcesSection(Section):
    """The resources that one run reserves."""

    num_cpus: Runtime[PositiveFloat] = 1.0
    """CPU cores."""
    num_gpus: Runtime[NonNegative] = 0.0
    """GPUs. With a fraction several runs share one; above 1 it must be a whole number."""
    memory_gb: Runtime[NonNegative] = 0.0
    """Memory to reserve, in GiB; 0 reserves none."""


class RetrySection(Section):
    """Retries of runs that fail, or whose worker or node dies."""

    max_failures: Runtime[Count] = 1
    """Most retries of a run that failed."""
    max_losses: Runtime[Count] = 20
    """Most restarts of a run whose worker or node died."""
    backoff_s: Runtime[NonNegative] = 1.0
    """Seconds before the first retry; doubled for each further one."""
    grace_s: Runtime[PositiveFloat] = 10.0
    """Seconds between SIGTERM and SIGKILL."""
    lease_s: Runtime[PositiveFloat] = 20.0
    """Seconds without a heartbeat after which an attempt is considered lost."""


class LoggingSection(Section):
    """Where metrics are sent in addition to the run's folder."""

    wandb_project: Runtime[
        Annotated[str, Text(r"^[^/\\#?%:]{1,128}$", "1 to 128 characters, none of / \\ # ? % :")] | None
    ] = None
    """W&B project; without it W&B is not used."""
    wandb_entity: Runtime[str | None] = None
    """W&B user or team."""
    wandb_mode: Runtime[Literal["auto", "online", "offline", "disabled"]] = "auto"
    """`auto` is online if the environment has an API key, and offline otherwise."""
    wandb_tags: Runtime[tuple[str, ...]] = ()
    """Tags in addition to those for campaign and seed."""


class ExecutionSection(Section):
    """What executes the runs."""

    backend: Runtime[BackendName] = "ray"
    """`ray`: Ray tasks, on this machine or on a cluster. `local`: processes of this machine, without Ray."""


class RaySection(Section):
    """The Ray that executes the runs, and the resources of this machine that runs may use."""

    address: Runtime[str | None] = None
    """`HOST:PORT` of a cluster; default: start Ray on this machine."""
    num_cpus: Runtime[Positive | None] = None
    """CPU cores of this machine that runs may use, with Ray started here or the local backend; default: all."""
    num_gpus: Runtime[Count | None] = None
    """GPUs of this machine that runs may use, likewise; default: all that are found."""


class RunConfig(Section):
    """The configuration of one run. A run's `config.toml` is this model; `campaign run` executes it again."""

    campaign: Runtime[str] = ""
    """Name of the campaign."""
    condition: Runtime[str] = ""
    """Label of the condition."""
    core: CoreSection = CoreSection()
    model: ModelSection = ModelSection()
    data: DataSection = DataSection()
    training: TrainingSection = TrainingSection()
    algorithm: AlgorithmSection = AlgorithmSection()
    gtpo: GtpoSection = GtpoSection()
    hicra: HicraSection = HicraSection()
    sepa: SepaSection = SepaSection()
    squeeze: SqueezeSection | None = None
    resources: ResourcesSection = ResourcesSection()
    retry: RetrySection = RetrySection()
    logging: LoggingSection = LoggingSection()
    execution: ExecutionSection = ExecutionSection()
    ray: RaySection = RaySection()

    @property
    def cluster(self) -> str | None:
        """Address of the Ray cluster that executes the run; None when this machine does."""
        return self.ray.address if self.execution.backend == "ray" else None

    @property
    def uses_built_in_core(self) -> bool:
        """Whether neither a command nor an entry point trains."""
        return self.core.command is None and self.core.entrypoint is None

    @property
    def uses_sepa(self) -> bool:
        """Whether the built-in core's transform gets SEPA's lambda."""
        return self.uses_built_in_core and self.algorithm.uses_sepa

    @property
    def run_id(self) -> str:
        """`<condition>_s<seed>`; also the name of the run's folder."""
        return f"{self.condition}_s{self.training.seed}"
