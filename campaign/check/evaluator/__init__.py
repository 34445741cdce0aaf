"""Evaluates configuration sources abstractly, without importing or running them."""
