"""What configuration frameworks do differently from plain Python, one small table each."""
