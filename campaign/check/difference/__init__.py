"""Compares evaluated configurations and classifies every difference.

The modules imported here add their rows to `COMPARISONS`, so that no part of the package compares without them.
"""

from campaign.check.difference import (  # noqa: F401
    class_difference,
    container_difference,
    external_difference,
    function_difference,
)
