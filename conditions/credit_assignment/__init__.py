"""Which credit an episode gets, and which each of its tokens: five conditions over one base."""
