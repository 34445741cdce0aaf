"""MaxRL with GTPO and HICRA: planning tokens get more of the credit."""

from ._base import condition

config = condition("maxrl", "gtpo_hicra")
