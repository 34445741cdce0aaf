"""The registry of dialects: what `entry` may name, and what the documentation says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaign.check import Declaration, prove
from campaign.check.dialects.registry import DIALECTS, ENTRIES
from campaign.check.evaluator.state import EXTERNAL_FUNCTIONS
from campaign.errors import UsageError
from tests.check.conftest import REPOSITORY


@pytest.mark.parametrize("entry", ENTRIES)
def test_entry_of_every_dialect_is_documented(entry: str) -> None:
    assert f"| `{entry}` |" in (REPOSITORY / "docs" / "check.md").read_text()


def test_unknown_entry_is_an_error_that_lists_every_dialect(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("config = 1")
    with pytest.raises(UsageError) as error:
        prove(Declaration("a.py", ("a.py",), "gin"), tmp_path)
    assert all(entry in str(error.value) for entry in ENTRIES)


def test_no_two_dialects_model_one_function() -> None:
    names = [name for dialect in DIALECTS for name in dialect.functions]
    assert len(names) == len(set(names))
    assert set(names) <= EXTERNAL_FUNCTIONS.keys()
