"""An oracle for the checker: generated configs, kinds of edit, and what running both sides says."""
