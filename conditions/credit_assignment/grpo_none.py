"""GRPO: rewards standardised within the group, the same credit for every token."""

from ._base import condition

config = condition("grpo", "none")
