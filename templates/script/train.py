"""A training script as the core of a campaign: a small classifier in numpy, trained with AdamW or Muon.

It shows everything that campaign asks of a script. Replace the model by your own.
"""

import argparse
import json
import signal
import sys
import tomllib
from pathlib import Path

import numpy as np

INPUTS, HIDDEN, CLASSES, BATCH = 16, 32, 4, 64
SAVE_EVERY = 50


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--resume", default="", help="folder of a checkpoint; empty on the first attempt")
    given = parser.parse_args()
    config = tomllib.loads(given.config.read_text())
    options, steps = config["core"]["options"], config["training"]["max_steps"]

    # campaign asks a run to stop by SIGTERM: save, and exit with 75.
    asked_to_stop = []
    signal.signal(signal.SIGTERM, lambda *_: asked_to_stop.append(True))

    state = load(Path(given.resume)) if given.resume else new_state(given.seed)
    task = Task(given.seed)
    with (given.out / "metrics.jsonl").open("a") as log:
        while state["step"] < steps and not asked_to_stop:
            step = int(state["step"])
            loss, accuracy = update(state, task.batch(step), options["optimizer"], options["weight_decay"])
            row = {"step": step, "loss": loss, "train/accuracy": accuracy}
            if step + 1 == steps:
                row["eval/accuracy"] = evaluate(state)
            log.write(json.dumps(row) + "\n")
            log.flush()
            state["step"] += 1
            if (step + 1) % SAVE_EVERY == 0:
                print(f"step {step + 1}/{steps}  loss {loss:.3f}  accuracy {accuracy:.3f}", flush=True)
                save(state, given.out)
    save(state, given.out)
    return 0 if state["step"] >= steps else 75


class Task:
    """Labels of random inputs by a fixed random network. The batches depend on seed and step only, so that all
    conditions of a seed see the same data, and a resumed run sees what it would have seen."""

    def __init__(self, seed):
        self.seed = seed
        random = np.random.default_rng(0)
        self.first, self.second = random.normal(size=(INPUTS, 8)), random.normal(size=(8, CLASSES))

    def batch(self, step, size=BATCH):
        inputs = np.random.default_rng((self.seed, step)).normal(size=(size, INPUTS))
        return inputs, np.argmax(np.tanh(inputs @ self.first) @ self.second, axis=1)


def new_state(seed):
    random = np.random.default_rng(seed)
    weights = {
        "w1": random.normal(size=(INPUTS, HIDDEN)) * 0.25,
        "w2": random.normal(size=(HIDDEN, CLASSES)) * 0.1,
    }
    moments = {
        f"{kind}_{name}": np.zeros_like(value) for name, value in weights.items() for kind in ("m", "v")
    }
    return {"step": np.int64(0), **weights, **moments}


def update(state, batch, optimizer, weight_decay):
    """One step of training; returns the loss and the share of correct answers before it."""
    inputs, labels = batch
    hidden = np.maximum(inputs @ state["w1"], 0.0)
    shares = softmax(hidden @ state["w2"])
    rows = np.arange(len(labels))
    loss = float(-np.log(shares[rows, labels] + 1e-12).mean())
    accuracy = float((shares.argmax(axis=1) == labels).mean())
    error = shares.copy()
    error[rows, labels] -= 1.0
    error /= len(labels)
    gradients = {"w2": hidden.T @ error, "w1": inputs.T @ ((error @ state["w2"].T) * (hidden > 0))}
    for name, gradient in gradients.items():
        direction, rate = muon(state, name, gradient) if optimizer == "muon" else adamw(state, name, gradient)
        state[name] = state[name] * (1.0 - rate * weight_decay) - rate * direction
    return loss, accuracy


def adamw(state, name, gradient, rate=3e-3, betas=(0.9, 0.99)):
    count = int(state["step"]) + 1
    state[f"m_{name}"] = betas[0] * state[f"m_{name}"] + (1 - betas[0]) * gradient
    state[f"v_{name}"] = betas[1] * state[f"v_{name}"] + (1 - betas[1]) * gradient**2
    mean, square = state[f"m_{name}"] / (1 - betas[0] ** count), state[f"v_{name}"] / (1 - betas[1] ** count)
    return mean / (np.sqrt(square) + 1e-8), rate


def muon(state, name, gradient, rate=2e-2, momentum=0.95):
    """Momentum, orthogonalised by five Newton-Schulz iterations."""
    state[f"m_{name}"] = momentum * state[f"m_{name}"] + gradient
    matrix = state[f"m_{name}"] / (np.linalg.norm(state[f"m_{name}"]) + 1e-7)
    for _ in range(5):
        product = matrix @ matrix.T
        matrix = 3.4445 * matrix + (-4.7750 * product + 2.0315 * product @ product) @ matrix
    return matrix, rate


def softmax(values):
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def evaluate(state):
    inputs, labels = Task(2**31).batch(0, 2048)
    answers = np.argmax(np.maximum(inputs @ state["w1"], 0.0) @ state["w2"], axis=1)
    return float((answers == labels).mean())


def save(state, out):
    """The checkpoint gets its final name when it is complete, so that one that was cut short is never used."""
    final = out / "checkpoints" / f"step_{int(state['step']):06d}"
    if final.exists():
        return
    temporary = out / "checkpoints" / ".new"
    temporary.mkdir(parents=True, exist_ok=True)
    np.savez(temporary / "state.npz", **state)
    temporary.rename(final)


def load(checkpoint):
    with np.load(checkpoint / "state.npz") as saved:
        return {name: saved[name] for name in saved.files}


if __name__ == "__main__":
    sys.exit(main())
