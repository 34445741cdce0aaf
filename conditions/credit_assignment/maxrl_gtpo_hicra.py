"""MaxRL with GTPO and HICRA: advantages of planning tokens are amplified."""

from ._base import condition

config = condition("maxrl", "gtpo_hicra")
