"""What configuration frameworks do differently from plain Python, one file per dialect."""
