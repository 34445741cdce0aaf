"""MaxRL: rewards divided by the group's mean, the same credit for every token."""

from ._base import condition

config = condition("maxrl", "none")
