"""Constants of the reward-shaping study: every variant reads them, none of them changes one."""

from rlcluster.models import ModelSpec
from rlcluster.optim import AdamWConfig, CosineSchedule

STUDY = "debate-reward-shaping"
SEED = 1234

BASE_MODEL = ModelSpec(
    name="qwen2.5-7b-instruct",
    revision="a09a35458c702b33eeacc393d103063234e8bc28",
    dtype="bfloat16",
    max_position_embeddings=32_768,
    rope_scaling=None,
)

MAX_PROMPT_TOKENS = 2_048
MAX_TURN_TOKENS = 1_024
TURNS_PER_DEBATE = 6
DEBATERS = 2

TOTAL_UPDATES = 1_500
PROMPTS_PER_UPDATE = 64
ROLLOUTS_PER_PROMPT = 8
MICRO_BATCH = 4

LEARNING_RATE = 1e-6
WARMUP_SHARE = 0.03
KL_COEFFICIENT = 0.002
CLIP_LOW, CLIP_HIGH = 0.2, 0.28

STOP_STRINGS = ["</turn>", "<|im_end|>"]
JUDGE_RUBRIC = {"accuracy": 0.6, "evidence": 0.25, "clarity": 0.15}


def optimizer(learning_rate: float = LEARNING_RATE) -> AdamWConfig:
    """The optimizer that all variants train with."""
    return AdamWConfig(
        learning_rate=learning_rate,
        betas=(0.9, 0.95),
        eps=1e-8,
        weight_decay=0.01,
        schedule=CosineSchedule(
            warmup_updates=int(TOTAL_UPDATES * WARMUP_SHARE),
            total_updates=TOTAL_UPDATES,
            final_share=0.1,
        ),
        max_grad_norm=1.0,
    )
