"""Tests of `campaign.check.difference`."""
