"""The resolved configuration of one run: every section, every field, in one place.

Field docs are the docstrings below each field: they are the single source for ``--help``, the docs and the
JSON Schema. Every field says whether it is part of a run's *identity* (it can change the run's result) or a
*runtime* knob (it cannot); a test refuses a field that says neither.

To add a field: write it here with its docstring, wrapped in `Identity` or `Runtime`. To add a section: write
its model, add it to `RunConfig`, and take its name out of `RESERVED_SECTIONS` when it is there.
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
"""Sections whose names are taken, with what they will configure; using one today is an error that says so."""


class CoreSection(Section):
    """What trains: the built-in core, a Python entry point, or any command."""

    entrypoint: Identity[
        Annotated[str, Text(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", "`pkg.module:function`")] | None
    ] = None
    """`pkg.module:function`, called with a `RunContext` in a process of its own."""
    command: Identity[tuple[str, ...] | None] = None
    """Argument vector of any program; `{config}`, `{run_dir}`, `{seed}` and `{checkpoint}` are filled in."""
    metrics_file: Identity[str] = "metrics.jsonl"
    """The file, inside the run's folder, that the command appends one JSON object a step to."""
    metrics_map: Identity[dict[str, str]] = {}
    """Our metric name = the name in the command's own log, for example `correct_rate = "train/acc"`."""
    env: Identity[dict[str, str]] = {}
    """Environment variables for the process; never secrets, those come from the environment."""
    options: Identity[dict[str, Any]] = {}
    """Free-form settings of an entry point or a command; conditions may differ in `core.options.<key>`."""


class ModelSection(Section):
    """The policy that is trained."""

    model: Identity[str] = "embedded"
    """`embedded` (0.3 M parameters, in the package), a folder in Hugging Face format (relative to the spec's
    folder), or a hub name."""
    revision: Identity[str | None] = None
    """Commit of a hub model."""
    lora_rank: Identity[Count] = 0
    """Rank of the LoRA adapter; 0 trains all weights."""
    lora_alpha: Identity[PositiveFloat | None] = None
    """LoRA scale numerator; twice the rank when not given."""
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
    """What the policy is asked, and how its answers are judged."""

    sources: Identity[tuple[Annotated[str, NamedOrDotted(SOURCES)], ...]] = SOURCES
    """Procedural task sources, taken in turn; ignored when `path` is given."""
    level: Identity[Annotated[int, Field(ge=0, le=1)]] = 0
    """Difficulty of the procedural sources."""
    path: Runtime[str | None] = None
    """A JSONL file with `prompt`, `answer`, and optionally `source` and `problem_type` in each line; relative
    to the spec's folder. What counts for a result is its content, `path_sha256`, not where it lies."""
    path_sha256: Identity[ContentHash | None] = None
    """SHA-256 of the content of `path`; filled in by the campaign, and held against the file when given."""
    eval_path: Runtime[str | None] = None
    """The same, held out."""
    eval_path_sha256: Identity[ContentHash | None] = None
    """SHA-256 of the content of `eval_path`; likewise."""
    weights: Identity[dict[str, PositiveFloat]] = {}
    """Weight of each source in the mixture; 1 where not named."""


class TrainingSection(Section):
    """How long, how much, how fast."""

    seed: Identity[Seed] = 0
    """Set by the campaign for each run."""
    max_steps: Identity[Positive] = 100
    """Steps of RL: one step samples a batch and updates the policy."""
    batch_size: Identity[Positive] = 8
    """Prompts a step."""
    group_size: Identity[Annotated[int, Field(ge=2, le=4096)]] = 8
    """Completions sampled for each prompt."""
    max_tokens: Identity[Positive] = 48
    """Longest completion, in tokens."""
    temperature: Identity[PositiveFloat] = 1.0
    """Sampling temperature."""
    lr: Identity[PositiveFloat] = 3e-4
    """Peak learning rate of AdamW."""
    lr_warmup_steps: Identity[Count] = 5
    """Steps over which the learning rate rises linearly."""
    weight_decay: Identity[NonNegative] = 0.0
    """Decoupled weight decay."""
    betas: Identity[tuple[DecayRate, DecayRate]] = (0.9, 0.95)
    """AdamW's moment decay rates."""
    max_grad_norm: Identity[PositiveFloat] = 1.0
    """Gradients are clipped to this norm."""
    updates_per_batch: Identity[Positive] = 1
    """Optimizer updates on one batch; above 1 the clipped importance ratio is used."""
    clip_ratio: Identity[PositiveFloat] = 0.2
    """Half-width of the clipped importance ratio."""
    eval_every: Identity[Count] = 20
    """Steps between held-out evaluations; 0 for none. The last step is always evaluated otherwise."""
    eval_size: Identity[Positive] = 64
    """Held-out prompts per source in an evaluation."""
    save_every: Runtime[Count] = 25
    """Steps between checkpoints; 0 keeps only the last."""
    log_generations: Runtime[Count] = 2
    """Prompts a step whose completions are written to `emergence/generations.jsonl`."""
    threads: Identity[Positive] = 1
    """CPU threads of the process; results are bit-identical for the same number."""


class AlgorithmSection(Section):
    """Which credit each token gets."""

    advantage_mode: Identity[Annotated[str, NamedOrDotted(ADVANTAGES)]] = "grpo"
    """Advantage of an episode: `grpo`, `maxrl`, `rloo`, `reinforce_pp`, or a dotted path `pkg.mod.fn`."""
    transform_mode: Identity[Annotated[str, NamedOrDotted(TRANSFORMS)]] = "none"
    """Advantage of a token: `none`, `gtpo`, `gtpo_hicra`, `gtpo_sepa`, or a dotted path."""
    uncertainty_kind: Identity[Annotated[str, NamedOrDotted(UNCERTAINTIES)]] = "shannon_entropy"
    """Uncertainty of a token: `surprisal`, `predictive_variance`, `shannon_entropy`, or a dotted path."""
    algorithm_mode: Identity[Annotated[str, NamedOrDotted(())] | None] = None
    """Dotted path of a function that replaces the whole pipeline."""
    params: Identity[dict[str, Any]] = {}
    """Settings of `algorithm_mode`."""
    advantage_params: Identity[dict[str, Any]] = {}
    """Settings of a dotted `advantage_mode`."""
    transform_params: Identity[dict[str, Any]] = {}
    """Settings of a dotted `transform_mode`."""
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
    """Phrases whose tokens count as planning; all others are execution."""


class GtpoSection(Section):
    """Entropy-weighted token advantages."""

    beta: Identity[NonNegative] = 0.1
    """Strength: w = max(0, 1 + beta (H / mean H - 1))."""


class HicraSection(Section):
    """Amplified planning tokens."""

    alpha: Identity[NonNegative] = 0.2
    """Strength: A + alpha |A| on planning tokens."""


class SepaSection(Section):
    """Selective entropy pooling of execution tokens."""

    steps: Identity[Positive] = 500
    """Steps of the linear ramp of lambda."""
    schedule: Identity[Literal["linear", "auto"]] = "linear"
    """`auto` follows the fall of the execution entropy's variance, with the linear ramp as floor."""
    delay_steps: Identity[Count] = 50
    """Steps before the ramp begins."""
    correct_rate_gate: Identity[Share] = 0.1
    """Correct rate that opens pooling, once and for good; 0 for no gate."""
    ema_decay: Identity[Share] = 0.99
    """Decay of the variance's moving average (`auto`)."""
    threshold: Identity[PositiveFloat] = 0.2
    """Share of the first variance below which lambda begins to rise; it is 1 when none is left (`auto`)."""
    warmup_steps: Identity[Positive] = 50
    """Steps that set the first variance (`auto`)."""


class SqueezeSection(Section):
    """LoRA-Squeeze after the first run: which rank was really used (arXiv 2602.10993)."""

    min_variance_retention: Runtime[Share] = 0.95
    """Share of the update's variance that the recommended rank keeps."""
    target_ranks: Runtime[tuple[Positive, ...]] = ()
    """Ranks to list; powers of two up to the adapter's rank when empty."""


class ResourcesSection(Section):
    """What one run occupies."""

    num_cpus: Runtime[PositiveFloat] = 1.0
    """CPU cores."""
    num_gpus: Runtime[NonNegative] = 0.0
    """GPUs; a fraction packs several runs on one, above 1 it must be whole."""
    memory_gb: Runtime[NonNegative] = 0.0
    """Memory that has to be free, in GiB; 0 asks for none in particular."""


class RetrySection(Section):
    """What happens when a run fails, or is lost with its machine."""

    max_failures: Runtime[Count] = 1
    """Times a run that failed by itself is tried again."""
    max_losses: Runtime[Count] = 20
    """Times a run whose worker or node died is started again."""
    backoff_s: Runtime[NonNegative] = 1.0
    """Seconds before the first retry; doubles with each."""
    grace_s: Runtime[PositiveFloat] = 10.0
    """Seconds between SIGTERM and SIGKILL."""
    lease_s: Runtime[PositiveFloat] = 20.0
    """Seconds without a sign of life after which an attempt counts as lost."""


class LoggingSection(Section):
    """Where the metrics go besides the run's own folder."""

    wandb_project: Runtime[
        Annotated[str, Text(r"^[^/\\#?%:]{1,128}$", "1 to 128 characters, none of / \\ # ? % :")] | None
    ] = None
    """W&B project; no W&B without one."""
    wandb_entity: Runtime[str | None] = None
    """W&B user or team."""
    wandb_mode: Runtime[Literal["auto", "online", "offline", "disabled"]] = "auto"
    """`auto` is online with an API key in the environment and offline without one."""
    wandb_tags: Runtime[tuple[str, ...]] = ()
    """Further tags; campaign and seed are always there."""


class ExecutionSection(Section):
    """What executes the runs."""

    backend: Runtime[BackendName] = "ray"
    """`ray`: Ray tasks, on this machine or on a cluster. `local`: processes of this machine, without Ray."""


class RaySection(Section):
    """The Ray that executes the runs, and what this machine offers to them."""

    address: Runtime[str | None] = None
    """`HOST:PORT` of a cluster; embedded Ray on this machine when not given."""
    num_cpus: Runtime[Positive | None] = None
    """CPU cores that this machine offers (embedded Ray, or the local backend); all of them when not given."""
    num_gpus: Runtime[Count | None] = None
    """GPUs that this machine offers, likewise; those found when not given."""


class RunConfig(Section):
    """Everything one run needs to know. `config.toml` of a run is this model; it can be run again by hand."""

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
    def run_id(self) -> str:
        """`<condition>_s<seed>`, the name of the run's folder."""
        return f"{self.condition}_s{self.training.seed}"
