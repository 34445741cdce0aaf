"""From a campaign's TOML file to a plan: validated, expanded to conditions x seeds, identified.

Hands no names on: `campaign check` needs only a few modules of this package, and must not pay for the others.
"""
