"""The command line in this process, for tests of the metrics."""

from tests.spec.conftest import cli

__all__ = ["cli"]
