"""The files of a campaign on disk: where they are, what is in them, and how they are read and written."""
