"""GRPO: rewards centred within the group, the same advantage for every token."""

from ._base import condition

config = condition("grpo", "none")
