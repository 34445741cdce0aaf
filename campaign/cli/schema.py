"""`campaign schema`: the JSON Schema of the campaign file."""

from __future__ import annotations


def schema() -> None:
    """JSON Schema of the campaign file, for editors.

    Editors with TOML support read it from the line `#:schema ./campaign.schema.json`, first in the file:

        campaign schema > campaign.schema.json
    """
    from campaign.cli.console import print_json
    from campaign.spec.schema import json_schema

    print_json(json_schema())
