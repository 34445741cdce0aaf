"""Reads a campaign file for planning: the conditions' modules are evaluated, and executed only on request."""

from __future__ import annotations

from pathlib import Path

from campaign.check.campaign_proof import import_root
from campaign.check.evaluated_conditions import evaluated_modules
from campaign.metrics.claimed_metrics import require_logged_metrics
from campaign.spec.load import from_document
from campaign.spec.modules import executed_modules
from campaign.spec.reading import Document, read
from campaign.spec.spec import Spec


def read_campaign(path: Path, *, import_modules: bool = False) -> Spec:
    """The campaign in `path`, with its hypotheses checked against the metrics that the core declares to log.

    Conditions that are Python modules are evaluated from their sources; with `import_modules`, each is executed in a
    separate process. Raises `SpecError` with all problems of the file.
    """
    return campaign_of(read(path), path, import_modules=import_modules)


def campaign_of(document: Document, path: Path, *, import_modules: bool = False) -> Spec:
    """The campaign that `document` declares; see `read_campaign`."""
    modules = executed_modules if import_modules else evaluated_modules(import_root(path)[0])
    spec = from_document(document, path, modules)
    require_logged_metrics(spec)
    return spec
