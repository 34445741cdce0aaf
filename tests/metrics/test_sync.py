"""`campaign sync`: what waits, what is missing, and clear words for both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from campaign.cli.app import app
from campaign.cli.sync import offline_runs
from campaign.errors import Infeasible


@pytest.fixture(autouse=True)
def no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def _offline_run(campaign: Path, run: str, synced: bool = False, number: int = 1) -> Path:
    attempt = campaign / "runs" / run / "attempts" / f"{number:04d}"
    folder = attempt / "wandb" / f"offline-run-20260101_000000-{run}"
    folder.mkdir(parents=True)
    (folder / f"run-{run}.wandb").write_bytes(b":W&B")
    if synced:
        (folder / f"run-{run}.wandb.synced").write_bytes(b"")
    return folder


def test_sync_with_nothing_to_upload_succeeds_with_a_message(tmp_path: Path) -> None:
    _offline_run(tmp_path, "a_s1", synced=True)
    result = CliRunner().invoke(app, ["sync", str(tmp_path)])
    assert result.exit_code == 0
    assert "nothing to upload" in result.stderr


def test_sync_without_a_key_names_the_variable_and_exits_4(tmp_path: Path) -> None:
    _offline_run(tmp_path, "a_s1")
    result = CliRunner().invoke(app, ["sync", str(tmp_path)])
    assert isinstance(result.exception, Infeasible)
    assert "WANDB_API_KEY" in str(result.exception)
    assert result.exception.exit_code == 4


def test_sync_with_a_refusing_server_names_it_and_exits_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offline_run(tmp_path, "a_s1")
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    result = CliRunner().invoke(app, ["sync", str(tmp_path)])
    assert isinstance(result.exception, Infeasible)
    assert "http://127.0.0.1:9 does not answer" in str(result.exception)


def test_sync_dry_run_lists_what_waits_and_needs_no_key(tmp_path: Path) -> None:
    waiting = _offline_run(tmp_path, "a_s1")
    _offline_run(tmp_path, "a_s2", synced=True)
    result = CliRunner().invoke(app, ["sync", str(tmp_path), "--dry-run"])
    assert result.stdout.split() == [str(waiting)]
    result = CliRunner().invoke(app, ["sync", str(tmp_path), "--dry-run", "--json"])
    assert json.loads(result.stdout)["waiting"] == [str(waiting)]


def test_sync_uploads_only_the_newest_recording_of_a_run_when_it_replays_the_earlier_ones(
    tmp_path: Path,
) -> None:
    recordings = [_offline_run(tmp_path, "a_s1", number=number) for number in (1, 2, 3)]
    assert offline_runs(tmp_path) == recordings, "those of earlier versions hold one attempt each"
    recordings[1].parents[1].joinpath("wandb.json").write_text('{"replays": true}')
    assert offline_runs(tmp_path) == recordings[1:]
    recordings[2].parents[1].joinpath("wandb.json").write_text('{"replays": true}')
    assert offline_runs(tmp_path) == recordings[2:]


@pytest.mark.parametrize(
    "line", ["machine api.wandb.ai login user password KEY", "machine elsewhere login user password KEY"]
)
def test_has_api_key_reads_the_netrc_entry_of_the_server(tmp_path: Path, line: str) -> None:
    from campaign.metrics.wandb_sink import has_api_key

    (tmp_path / "netrc").write_text(line + "\n")
    (tmp_path / "netrc").chmod(0o600)
    assert has_api_key() == ("api.wandb.ai" in line)
