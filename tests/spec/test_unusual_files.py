"""Campaign and data files that are no regular files: refused at `plan` with a sentence, without a hang."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from campaign.errors import SpecError
from campaign.spec.files import LARGEST_DATA
from campaign.spec.load import load

pytestmark = pytest.mark.timeout(60)
SPEC = '[campaign]\nname = "x"\nseeds = [1]\nconditions = [{{ name = "base" }}]\n[data]\n{field} = "{path}"\n'


@pytest.mark.parametrize("field", ["path", "eval_path"])
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/dev/zero", "is a device"),
        ("fifo", "is a FIFO"),
        ("folder", "is a folder"),
        ("loop", "Too many levels of symbolic links"),
        ("huge", "is too large"),
    ],
)
def test_data_that_is_no_regular_file_is_refused_at_plan(
    field: str, path: str, reason: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", LARGEST_DATA + 1)
    spec = tmp_path / "campaign.toml"
    spec.write_text(SPEC.format(field=field, path=path))
    with pytest.raises(SpecError, match=reason) as caught:
        load(spec)
    assert f"data.{field}" in str(caught.value)


def test_a_campaign_file_that_is_a_fifo_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "campaign.toml")
    with pytest.raises(SpecError, match="is a fifo"):
        load(tmp_path / "campaign.toml")


def test_a_model_that_is_no_folder_is_refused_at_plan(tmp_path: Path) -> None:
    spec = tmp_path / "campaign.toml"
    text = SPEC.format(field="path", path="data.jsonl").partition("[data]")[0]
    spec.write_text(f'{text}[model]\nmodel = "/dev/zero"\n')
    with pytest.raises(SpecError, match="no such folder: /dev/zero"):
        load(spec)
