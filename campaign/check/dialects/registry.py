"""The dialects that the checker knows. A new one is a file beside this one and a line in `DIALECTS`."""

from __future__ import annotations

from campaign.check.claim.targets import Entry, Target
from campaign.check.dialects.base import Dialect
from campaign.check.dialects.documents import Documents
from campaign.check.dialects.hydra import Hydra
from campaign.check.dialects.lazyconfig import LazyConfig
from campaign.check.dialects.ml_collections import MLCollections
from campaign.check.dialects.mmengine import MMEngine
from campaign.check.dialects.omegaconf import OmegaConf
from campaign.check.dialects.python_modules import PythonModules
from campaign.check.evaluator.state import CONTEXTS, EXTERNAL_CONSTANTS, EXTERNAL_FUNCTIONS, Evaluator

DIALECTS: tuple[Dialect, ...] = (
    Documents(),
    MMEngine(),
    LazyConfig(),
    MLCollections(),
    OmegaConf(),
    Hydra(),
    PythonModules(),
)
"""In the order in which `loads` is tried: documents first, whatever the entry says, and plain Python last."""

ENTRIES = tuple(dialect.entry for dialect in DIALECTS if dialect.entry)
"""The entry kinds that select a dialect."""

for _dialect in DIALECTS:
    EXTERNAL_FUNCTIONS.update(_dialect.functions)
    EXTERNAL_CONSTANTS.update(_dialect.constants)
    CONTEXTS.extend(_dialect.contexts)


def dialect_of(evaluator: Evaluator, target: Target, entry: Entry | None) -> Dialect:
    """The dialect that loads a target."""
    return next(dialect for dialect in DIALECTS if dialect.loads(evaluator, target, entry))
