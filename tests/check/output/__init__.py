"""Tests of `campaign.check.output`."""
