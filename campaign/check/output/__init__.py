"""Formats of a check's answer."""
