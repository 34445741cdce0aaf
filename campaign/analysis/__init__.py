"""From run directories to verdicts: pure functions on per-run numbers."""
