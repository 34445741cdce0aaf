"""A training script as the core: plain Python that does not import `campaign`.

A ten-armed bandit, played by a softmax policy that learns by REINFORCE, in place of your own training script. It
reads its settings, writes one JSON object per step to `metrics.jsonl`, saves a checkpoint every 50 steps, and on
SIGTERM saves a checkpoint and exits with code 75.
"""

import argparse
import json
import math
import os
import random
import signal
import sys
import tomllib
from pathlib import Path

ARMS = 10
STOPPED = 75

stop = False


def ask_to_stop(*_):
    global stop
    stop = True


def softmax(scores):
    top = max(scores)
    weights = [math.exp(score - top) for score in scores]
    total = sum(weights)
    return [weight / total for weight in weights]


def pull(arm, rng):
    """Reward of one pull: arm 0 pays with probability 0.8, later arms with less."""
    return 1.0 if rng.random() < 0.8 / (1 + arm) else 0.0


def train_step(scores, step, seed, options):
    # Randomness depends on seed and step only, so a resumed run repeats the interrupted one exactly.
    rng = random.Random(seed * 1_000_003 + step)
    policy = softmax(scores)
    arms = rng.choices(range(ARMS), policy, k=options["batch"])
    rewards = [pull(arm, rng) for arm in arms]
    baseline = sum(rewards) / len(rewards) if options["baseline"] else 0.0
    change = [0.0] * ARMS
    for arm, reward in zip(arms, rewards, strict=True):
        for other in range(ARMS):
            change[other] += (reward - baseline) * ((other == arm) - policy[other])
    scores = [score + options["rate"] * c / len(arms) for score, c in zip(scores, change, strict=True)]
    return scores, {"score": sum(rewards) / len(rewards), "best_arm": policy[0]}


def save(folder, scores, finished):
    # Written to a temporary folder and renamed: a folder with the final name is a complete checkpoint.
    target = folder / f"step_{finished:06d}"
    draft = folder / f".draft_{os.getpid()}"
    draft.mkdir(parents=True, exist_ok=True)
    (draft / "scores.json").write_text(json.dumps({"scores": scores, "finished": finished}))
    if not target.exists():
        draft.rename(target)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--checkpoint", default="")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, ask_to_stop)

    config = tomllib.loads(arguments.config.read_text())
    options, steps = config["core"]["options"], config["training"]["max_steps"]
    scores, start = [0.0] * ARMS, 0
    if arguments.checkpoint:
        saved = json.loads((Path(arguments.checkpoint) / "scores.json").read_text())
        scores, start = saved["scores"], saved["finished"]

    arguments.out.mkdir(parents=True, exist_ok=True)
    with open(arguments.out / "metrics.jsonl", "a", encoding="utf-8") as log:
        for step in range(start, steps):
            scores, metrics = train_step(scores, step, arguments.seed, options)
            label = {"step": step, "condition": config.get("condition", ""), "seed": arguments.seed}
            log.write(json.dumps({**label, **metrics}) + "\n")
            log.flush()
            if stop or (step + 1) % 50 == 0 or step + 1 == steps:
                save(arguments.out / "checkpoints", scores, step + 1)
            if stop and step + 1 < steps:
                return STOPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
