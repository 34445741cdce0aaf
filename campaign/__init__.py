"""Declarative, proven-fair, fault-tolerant experiment campaigns for RL post-training of language models."""

__version__ = "0.1.0"
