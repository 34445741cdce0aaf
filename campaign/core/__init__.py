"""The training core. Every condition of a campaign runs the same code."""
