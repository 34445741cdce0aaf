"""SARIF: valid against the schema, stable fingerprints."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema

from tests.check.conftest import Run, Write

A = "config = {'lr': 1e-3, 'name': 'a'}\n"
B = "config = {'lr': 2e-3, 'name': 'b'}\n"


def sarif(run: Run, root: Path) -> Any:
    return json.loads(run("a.py", "b.py", "--format", "sarif", cwd=root).stdout)


def sarif_schemas() -> list[Any]:
    """What we use of SARIF 2.1.0, with nothing else allowed; and all of it, which `nox -s sarif` fetches."""
    files = [Path(__file__).parent / "sarif-2.1.0-subset.json"]
    if whole := os.environ.get("CAMPAIGN_SARIF_SCHEMA"):
        files.append(Path(whole))
    return [json.loads(file.read_text(encoding="utf-8-sig")) for file in files]


def test_sarif_follows_the_schema_and_points_at_both_files(run: Run, write: Write) -> None:
    document = sarif(run, write(a=A, b=B + "import unused_framework\n"))
    for schema in sarif_schemas():
        jsonschema.validators.validator_for(schema)(schema).validate(document)
    results = document["runs"][0]["results"]
    assert {result["ruleId"] for result in results} == {"CC001", "CC003"}
    confound = next(result for result in results if result["ruleId"] == "CC001")
    assert confound["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "b.py"
    assert confound["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a.py"


def test_sarif_fingerprints_survive_moved_lines(run: Run, write: Write) -> None:
    def prints(root: Path) -> set[str]:
        return {
            result["partialFingerprints"]["campaignCheck/v1"]
            for result in sarif(run, root)["runs"][0]["results"]
        }

    assert prints(write(a=A, b=B)) == prints(write(a=A, b="\n\n# moved\n" + B))
