"""MaxRL: centred rewards divided by the mean of the group, the same advantage for every token."""

from ._base import condition

config = condition("maxrl", "none")
