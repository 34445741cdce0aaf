"""The charting library is bundled once, and a damaged copy never reaches a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaign.report.bundle import ScriptBundle


def _script() -> str:
    with ScriptBundle() as library:
        return library.script()


def test_bundle_is_kept_and_made_anew_when_it_was_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = _script()
    assert "window.vegaEmbed=" in made
    (kept,) = (tmp_path / "campaign").iterdir()
    stamp = kept.stat().st_mtime_ns
    assert _script() == made
    assert kept.stat().st_mtime_ns == stamp
    kept.write_bytes(kept.read_bytes()[:-100])
    assert _script() == made
    assert kept.stat().st_mtime_ns != stamp


def test_bundle_is_made_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "window.vegaEmbed=" in _script()
