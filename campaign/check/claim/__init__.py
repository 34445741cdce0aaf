"""What a check claims: targets, the fields that may differ, and their patterns."""
