"""The shared training core: the same code for every condition."""
