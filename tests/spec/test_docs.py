"""The reference in docs/spec.md matches the models, and the examples of the page work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from campaign.errors import SpecError
from campaign.spec.fields import fields
from campaign.spec.reference import updated
from tests.spec.conftest import Loader

PAGE = Path(__file__).parents[2] / "docs" / "spec.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_reference_is_current() -> None:
    assert updated(TEXT) == TEXT, "regenerate it: python -m campaign.spec.reference docs/spec.md"


def test_the_reference_names_every_field_with_its_class() -> None:
    for path, field in fields().items():
        section, _, name = path.partition(".")
        table = TEXT.partition(f"### `[{section}]`")[2].partition("###")[0]
        (row,) = [line for line in table.splitlines() if line.startswith(f"| `{name}` |")]
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        assert cells[3] == ("yes" if field.kind == "identity" else ""), path


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", TEXT, re.S))
def test_every_toml_of_the_page_loads(text: str, spec_of: Loader) -> None:
    assert spec_of(text).conditions


def test_the_error_messages_of_the_page_are_the_actual_ones(spec_of: Loader) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(
            "[campaign]\n\n" + "\n" * 6 + '[[campaign.conditions]]\ndtype = "bfloat"\n'
            '[[campaign.conditions]]\ndtype = "bfloat16"\nlr = 0.1\nnum_gpus = 2\n\ngtpo.beta = 0.1\n'
        )
    (documented,) = re.findall(r"```\n(sweep\.toml.*?)```", TEXT, re.S)
    actual = re.sub(r"\S*campaign\.toml", "sweep.toml", str(caught.value))
    assert actual.strip() == documented.strip()
