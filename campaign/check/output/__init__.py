"""Writes the result of a check: text, JSON, SARIF, GitHub workflow commands."""
