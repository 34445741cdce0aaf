"""MaxRL with GTPO: credit weighted by each token's entropy."""

from ._base import condition

config = condition("maxrl", "gtpo")
