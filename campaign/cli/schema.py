"""`campaign schema`: the JSON Schemas of the campaign file and of the documents that commands write."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer


class Document(StrEnum):
    file = "file"
    check = "check"
    verdicts = "verdicts"
    report = "report"


def schema(
    document: Annotated[
        Document,
        typer.Argument(
            help="file: the campaign file. check, verdicts, report: the output of check --json, compare --json and "
            "report --json."
        ),
    ] = Document.file,
) -> None:
    """Print the JSON Schema of the campaign file, for editors, or of a JSON document.

    Editors with TOML support read the schema that the first line of the file names, `#:schema ./campaign.schema.json`:

        campaign schema > campaign.schema.json
    """
    from campaign.cli.console import print_json

    print_json(_schema(document))


def _schema(document: Document) -> dict[str, Any]:
    if document is Document.file:
        from campaign.spec.json_schema import json_schema

        return json_schema()
    from campaign.json_documents import document_schema

    return document_schema(_class(document), document.value)


def _class(document: Document) -> type:
    if document is Document.check:
        from campaign.check.output.json import CheckDocument

        return CheckDocument
    if document is Document.verdicts:
        from campaign.analysis.verdict import VerdictsDocument

        return VerdictsDocument
    from campaign.report.document import ReportDocument

    return ReportDocument
