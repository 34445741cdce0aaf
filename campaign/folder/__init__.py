"""What lies on disk: the paths of a campaign and its runs, and the files in them."""
