"""The schema of every metric, the JSONL record, and the sinks that mirror it."""
