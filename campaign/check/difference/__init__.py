"""Compares evaluated configurations and classifies every difference."""
