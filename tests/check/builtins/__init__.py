"""Tests of `campaign.check.builtins`."""
