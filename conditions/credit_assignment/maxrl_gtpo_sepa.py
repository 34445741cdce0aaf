"""MaxRL with GTPO and SEPA: the entropy of execution tokens is pooled."""

from ._base import condition

config = condition("maxrl", "gtpo_sepa")
