"""The versioned JSON document."""

from __future__ import annotations

import json

from tests.check.conftest import Run, Write

A = "config = {'lr': 1e-3, 'name': 'a'}\n"
B = "config = {'lr': 2e-3, 'name': 'b'}\n"


def test_json_is_versioned_and_names_the_assumptions(run: Run, write: Write) -> None:
    document = json.loads(run("a.py", "b.py", "--json", cwd=write(a=A, b=B)).stdout)
    assert document["version"] == 1
    assert document["verdict"] == "confound"
    assert document["assumptions"]
    assert {found["path"] for found in document["variants"][0]["findings"]} == {"lr", "name"}
