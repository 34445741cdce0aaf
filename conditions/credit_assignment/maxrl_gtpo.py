"""MaxRL with GTPO: advantages weighted by the entropy of each token."""

from ._base import condition

config = condition("maxrl", "gtpo")
