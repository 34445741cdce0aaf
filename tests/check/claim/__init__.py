"""Tests of `campaign.check.claim`."""
