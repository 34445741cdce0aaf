"""COMA: the baseline is the mean over the rollouts of a prompt, the debater's own turn left out."""

from pathlib import Path

from rlcluster.checkpoints import CheckpointPolicy
from rlcluster.data import DebateTopics, LengthFilter, TopicMixture
from rlcluster.debate import DebateEnvironment, Judge, TurnFormat
from rlcluster.evaluation import EvaluationSuite, HeldOutTopics, TranscriptSample
from rlcluster.loss import PolicyGradientLoss
from rlcluster.metrics import DebateMetrics, LengthMetrics, ThroughputMetrics
from rlcluster.parallel import MeshConfig
from rlcluster.rollouts import Sampling, Streamer
from rlcluster.tracking import WandbTracker
from rlcluster.trainer import FaultPolicy, TrainerConfig

from . import _site
from ._base import (
    BASE_MODEL,
    CLIP_HIGH,
    CLIP_LOW,
    DEBATERS,
    JUDGE_RUBRIC,
    KL_COEFFICIENT,
    MAX_PROMPT_TOKENS,
    MAX_TURN_TOKENS,
    MICRO_BATCH,
    PROMPTS_PER_UPDATE,
    ROLLOUTS_PER_PROMPT,
    SEED,
    STOP_STRINGS,
    STUDY,
    TOTAL_UPDATES,
    TURNS_PER_DEBATE,
    optimizer,
)

STRATEGY = "coma_advantage"

run_name = Path(__file__).stem
output_dir = f"{_site.SCRATCH}/{STUDY}/{run_name}"

topics = TopicMixture(
    sources=[
        DebateTopics(path="topics/economics.jsonl", weight=1.0),
        DebateTopics(path="topics/history.jsonl", weight=1.0),
        DebateTopics(path="topics/science.jsonl", weight=2.0),
        DebateTopics(path="topics/ethics.jsonl", weight=0.5),
    ],
    filters=[LengthFilter(max_tokens=MAX_PROMPT_TOKENS)],
    shuffle_seed=SEED,
    repeat=True,
)

environment = DebateEnvironment(
    topics=topics,
    debaters=DEBATERS,
    turns=TURNS_PER_DEBATE,
    turn_format=TurnFormat(
        opening="<turn speaker={speaker}>",
        closing="</turn>",
        max_tokens=MAX_TURN_TOKENS,
        reveal_scores=False,
    ),
    judge=Judge(
        model="qwen2.5-32b-instruct",
        rubric=dict(JUDGE_RUBRIC),
        temperature=0.0,
        votes=3,
        swap_positions=True,
    ),
)

sampling = Sampling(
    temperature=1.0,
    top_p=1.0,
    max_tokens=MAX_TURN_TOKENS,
    stop=[*STOP_STRINGS],
    seed=SEED,
)

streamer = Streamer(
    environment=environment,
    sampling=sampling,
    n_prompts=PROMPTS_PER_UPDATE,
    n_rollouts_per_prompt=ROLLOUTS_PER_PROMPT,
    reward_shaping_params={"n_rollouts_per_prompt": ROLLOUTS_PER_PROMPT},
    max_staleness=1,
    prefetch_updates=2,
    engines=_site.NODES * 4,
)

metrics = [
    DebateMetrics(
        reward_shaping_strategy=STRATEGY,
        reward_shaping_params={"n_rollouts_per_prompt": ROLLOUTS_PER_PROMPT},
        log_transcripts_every=50,
        judge_agreement=True,
    ),
    LengthMetrics(percentiles=(5, 50, 95)),
    ThroughputMetrics(window=20),
]

loss = PolicyGradientLoss(
    clip_low=CLIP_LOW,
    clip_high=CLIP_HIGH,
    kl_coefficient=KL_COEFFICIENT,
    advantage="group_normalised",
    token_mean=True,
    entropy_bonus=0.0,
)

evaluation = EvaluationSuite(
    every_updates=100,
    tasks=[
        HeldOutTopics(path="topics/held_out.jsonl", debates=128, opponent="reference"),
        HeldOutTopics(path="topics/adversarial.jsonl", debates=64, opponent="self"),
        TranscriptSample(count=16),
    ],
    temperature=0.7,
)

checkpoints = CheckpointPolicy(
    every_updates=TOTAL_UPDATES // 15,
    keep_last=2,
    keep_best=("eval/held_out/win_rate", "max"),
    folder=output_dir,
)

faults = FaultPolicy(
    max_restarts=5,
    heartbeat_seconds=30,
    drop_slow_engines=True,
    slow_factor=2.5,
    resume="latest",
)

config = TrainerConfig(
    model=BASE_MODEL,
    reference_model=BASE_MODEL,
    optimizer=optimizer(),
    loss=loss,
    streamer=streamer,
    metrics=metrics,
    evaluation=evaluation,
    checkpoints=checkpoints,
    faults=faults,
    mesh=MeshConfig(data_parallel=_site.NODES, tensor_parallel=8, sequence_parallel=True),
    total_updates=TOTAL_UPDATES,
    micro_batch=MICRO_BATCH,
    gradient_accumulation=PROMPTS_PER_UPDATE * ROLLOUTS_PER_PROMPT // (MICRO_BATCH * 16),
    seed=SEED,
    output_dir=output_dir,
    tracker=WandbTracker(project=STUDY, run_name=run_name, tags=["reward-shaping", STRATEGY]),
)
