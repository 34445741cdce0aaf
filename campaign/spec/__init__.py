"""TOML to validated, frozen models; conditions x seeds; identity; the plan."""
