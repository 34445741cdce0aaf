"""Damage to the folders of some runs of a campaign, drawn at random, costs those runs and no other.

The draw is made from a seed, which a failure prints. `CAMPAIGN_DAMAGE_SEEDS=5:25 pytest tests/test_damaged_runs.py`
(`nox -s damage`) tries the seeds 5 to 24 instead of the few of the suite.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from campaign.cli.app import app
from campaign.errors import CampaignError, RunsFailed
from campaign.execution.view import CampaignView, read_view
from campaign.folder.json_lines import read_jsonl
from campaign.folder.paths import CampaignPaths, RunPaths
from campaign.folder.run_record import record_bytes
from campaign.spec.load import load
from campaign.submission import SubmitOptions, submit

STEPS = 10
SEEDS = range(1, 11)
LABELS = ("base", "wide")
DAMAGED_RUNS = 9
"""Of the twenty runs. Two of the others have failed, because half a campaign is what users look at."""
CORE = """
run_dir=$1; seed=$2; begin=${3##*_}; begin=${begin:-0}; begin=$((10#$begin))
mkdir -p $run_dir/emergence $run_dir/checkpoints
for ((step = begin; step < 10; step++)); do
  [ $step = 4 ] && [ -e fail_$CAMPAIGN_RUN_ID ] && { echo "told to fail"; exit 3; }
  echo "{\\"step\\": $step, \\"correct_rate\\": 0.$seed$step, \\"loss\\": 1.5}" >> $run_dir/metrics.jsonl
  echo "{\\"step\\": $step, \\"prompt\\": \\"p\\", \\"completion\\": \\"c\\", \\"reward\\": $seed}" >> $run_dir/emergence/generations.jsonl
done
mkdir -p $run_dir/checkpoints/step_000010
echo "finished $seed"
"""
SPEC = f"""
[campaign]
name = "damaged"
seeds = {list(SEEDS)}
under_test = ["core.options.arm"]
conditions = [{{ name = "base", core.options.arm = "a" }}, {{ name = "wide", core.options.arm = "b" }}]

[core]
command = ["bash", "core.sh", "{{run_dir}}", "{{seed}}", "{{checkpoint}}"]

[training]
max_steps = {STEPS}

[retry]
max_failures = 0
backoff_s = 0.0
lease_s = 2.0
"""
RUNNER = CliRunner()
Damage = Callable[[Path], None]


def seeds_to_try() -> list[int]:
    first, _, last = os.environ.get("CAMPAIGN_DAMAGE_SEEDS", "0:2").partition(":")
    return list(range(int(first), int(last or int(first) + 1)))


# -- the catalogue -----------------------------------------------------------------------------------------


def appended(line: bytes) -> Damage:
    """The file with one more line."""

    def damage(path: Path) -> None:
        with path.open("ab") as file:
            file.write(line + b"\n")

    return damage


def instead(content: bytes) -> Damage:
    def damage(path: Path) -> None:
        removed(path)
        path.write_bytes(content)

    return damage


def rewritten(change: Callable[[bytes], bytes]) -> Damage:
    return lambda path: instead(change(path.read_bytes() if path.is_file() else b""))(path)


def linked(target: str) -> Damage:
    def damage(path: Path) -> None:
        removed(path)
        path.symlink_to(target.format(name=path.name))

    return damage


def removed(path: Path) -> None:
    """Nothing is left there; the folder in which it was exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def folder(path: Path) -> None:
    removed(path)
    (path / "inside").mkdir(parents=True)


def fifo(path: Path) -> None:
    removed(path)
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    removed(path)
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket has at most 108 bytes
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def sparse(path: Path) -> None:
    path.open("ab").close()
    os.truncate(path, 5 * 2**30)


FILES: dict[str, Damage] = {
    "deeply nested JSON": appended(b'{"step": 10, "loss": ' + b"[" * 200_000 + b"}"),
    "JSON nested below the limit of the parser": appended(
        b'{"step": 10, "a": ' + b"[" * 900 + b"]" * 900 + b"}"
    ),
    "a 400-digit number": appended(b'{"step": 9, "loss": ' + b"7" * 400 + b"}"),
    "a 5000-digit number": appended(b'{"step": 9, "loss": ' + b"7" * 5000 + b"}"),
    "a 400-digit step": appended(b'{"step": ' + b"7" * 400 + b', "loss": 1}'),
    "a 25-digit step": appended(b'{"step": ' + b"7" * 25 + b', "loss": 1}'),
    "a lone surrogate": appended(b'{"step": 9, "note": "\\ud800", "\\udfff": 1}'),
    "an encoded surrogate": appended(b'{"step": 9, "note": "\xed\xa0\x80"}'),
    "NaN and Infinity": appended(b'{"step": 9, "loss": NaN, "correct_rate": -Infinity, "reward": 1e999}'),
    "numbers at the limit of a float": appended(
        b"\n".join(
            b'{"step": %d, "correct_rate": 1.7e308, "step_time_s": 1.7e308}' % step for step in range(10)
        )
    ),
    "wrong types": appended(
        b'{"step": true, "loss": {"a": []}, "correct_rate": "0.5", "seed": [], "condition": 7}'
    ),
    "no objects": appended(b'[]\n7\n"text"\nnull'),
    "a huge line": appended(b'{"step": 10, "note": "' + b"x" * 20_000_000),
    "binary garbage": appended(random.Random(0).randbytes(5_000)),
    "NUL bytes": appended(b"\0" * 4_096),
    "a byte-order mark": rewritten(lambda content: b"\xef\xbb\xbf" + content),
    "UTF-16": rewritten(lambda content: content.decode().encode("utf-16")),
    "half a last line": rewritten(lambda content: content[:-20]),
    "no content": instead(b""),
    "a JSON list": instead(b"[1, 2]\n"),
    "a result of another program": instead(
        b'{"kind": "finished", "number": 99, "exit_code": "0", "log_tail": 5}\n'
    ),
    "an unknown kind of outcome": instead(b'{"kind": ["x"], "seconds": "long", "traceback": {}}\n'),
    "a configuration with wrong types": instead(
        b'core = 7\ntraining = "x"\nretry = [1]\ncondition = 1979-05-27\n'
    ),
    "a folder": folder,
    "a FIFO": fifo,
    "a socket": unix_socket,
    "a link to /dev/zero": linked("/dev/zero"),
    "a dangling link": linked("nowhere"),
    "a link to itself": linked("{name}"),
    "no file": removed,
    "5 GB without a newline": sparse,
}
"""Damages of one file."""
PLACES: dict[str, Callable[[RunPaths], Path]] = {
    "the record": lambda run: run.metrics,
    "the attempt's log": lambda run: run.attempt(1).metrics,
    "the completions": lambda run: run.emergence_generations,
    "the attempt's completions": lambda run: run.attempt(1).emergence_generations,
    "the result": lambda run: run.attempt(1).result,
    "the start": lambda run: run.attempt(1).started,
    "the configuration": lambda run: run.config,
    "the fence": lambda run: run.fence,
    "the output": lambda run: run.attempt(1).log,
}
FOLDERS: dict[str, Callable[[RunPaths], object]] = {
    "the run's folder is deleted": lambda run: removed(run.root),
    "a file takes the place of the run's folder": lambda run: (removed(run.root), run.root.write_text("x")),
    "a link to itself takes the place of the run's folder": lambda run: linked("{name}")(run.root),
    "the attempts are deleted": lambda run: removed(run.attempts_root),
    "a file takes the place of the attempts": lambda run: (
        removed(run.attempts_root),
        run.attempts_root.write_text(""),
    ),
    "a link to itself takes the place of the attempts": lambda run: linked("{name}")(run.attempts_root),
    "the attempts have odd names": lambda run: [
        (run.attempts_root / name).mkdir(parents=True) for name in ("²", "7" * 200, "x", "0002.old")
    ],
    "the checkpoint is a FIFO": lambda run: fifo(run.attempt(1).checkpoint(10)),
    "the checkpoint is far ahead": lambda run: (run.attempt(1).checkpoints / f"step_{'9' * 100}").mkdir(
        parents=True
    ),
    "the request to cancel is a folder": lambda run: run.cancel.mkdir(),
    "the completions are a file": lambda run: (removed(run.emergence), run.emergence.write_text("x")),
}
"""Damages of a folder."""


def draw(generator: random.Random, ids: list[str]) -> dict[str, tuple[str, Callable[[RunPaths], object]]]:
    """Run -> damage, with its name. Each draw has folders, records and other files."""
    choices: list[tuple[str, Callable[[RunPaths], object]]] = list(
        generator.sample(sorted(FOLDERS.items()), 2)
    )
    places = ["the record"] * 3 + ["the attempt's log", *generator.sample(sorted(PLACES), DAMAGED_RUNS - 6)]
    for place, kind in zip(places, generator.sample(sorted(FILES), len(places)), strict=True):
        choices.append((f"{place}: {kind}", lambda run, p=place, k=kind: FILES[k](PLACES[p](run))))
    return dict(zip(generator.sample(ids, len(choices)), choices, strict=True))


# -- the campaign ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign of twenty runs; two have failed at step 4."""
    root = tmp_path_factory.mktemp("damage")
    (root / "core.sh").write_text(CORE)
    (root / "damaged.toml").write_text(SPEC)
    for run in ("base_s3", "wide_s7"):
        (root / f"fail_{run}").touch()
    with pytest.raises(RunsFailed):
        submit(load(root / "damaged.toml"), CampaignPaths(root / "folder"), SubmitOptions(backend="local"))
    for run in ("base_s3", "wide_s7"):
        (root / f"fail_{run}").unlink()
    return root


@pytest.fixture
def copy(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = tmp_path / "copy"
    shutil.copytree(finished, root, symlinks=True)
    monkeypatch.chdir(root)
    yield root
    shutil.rmtree(
        root, ignore_errors=True
    )  # pytest keeps the folders of three sessions, and some have gigabytes


def records(paths: CampaignPaths, ids: list[str]) -> dict[str, bytes]:
    return {run_id: paths.run(run_id).metrics.read_bytes() for run_id in ids}


def invoke(*arguments: str) -> tuple[int, str, str]:
    """A command in this process. It may refuse with a sentence, but nothing else may escape from it."""
    result = RUNNER.invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, (SystemExit, CampaignError)):
        trace = "".join(traceback.format_exception(result.exception))
        pytest.fail(f"campaign {' '.join(arguments)} crashed:\n{trace}")
    refusal = str(result.exception) if isinstance(result.exception, CampaignError) else ""
    return result.exit_code, result.stdout, result.stderr + refusal


def document(*arguments: str) -> Any:
    _, out, err = invoke(*arguments)
    assert out, f"campaign {' '.join(arguments)}: {err}"
    return json.loads(out)


def submitted(root: Path, **options: Any) -> CampaignView:
    paths = CampaignPaths(root / "folder")
    try:
        return submit(load(root / "damaged.toml"), paths, SubmitOptions(backend="local", **options))
    except CampaignError:
        return read_view(paths)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", seeds_to_try())
def test_damaged_runs_cost_no_other_run_and_no_command(seed: int, copy: Path) -> None:
    paths = CampaignPaths(copy / "folder")
    ids = [f"{label}_s{number}" for label in LABELS for number in SEEDS]
    drawn = draw(random.Random(seed), ids)
    story = f"seed {seed}: " + "; ".join(f"{run_id}: {name}" for run_id, (name, _) in drawn.items())
    whole = [run_id for run_id in ids if run_id not in drawn]
    before = records(paths, whole)
    views = {run["id"]: run for run in document("status", "folder", "--json")["runs"]}
    sizes = {run_id: record_bytes(paths.run(run_id)) for run_id in drawn}
    for run_id, (_, damage) in drawn.items():
        damage(paths.run(run_id))

    try:
        shown = {run["id"]: run for run in document("status", "folder", "--json")["runs"]}
        assert {run_id: shown[run_id] for run_id in whole} == {run_id: views[run_id] for run_id in whole}
        changed = [run_id for run_id in drawn if sizes[run_id] != record_bytes(paths.run(run_id))]
        for run_id in changed:
            assert shown[run_id]["state"] in ("interrupted", "failed"), (
                f"{run_id} is {shown[run_id]['state']}"
            )
            assert shown[run_id]["error"], f"{run_id} is damaged, and status does not say so"
        invoke("status", "folder")
        invoke("status")
        planned = document("plan", "damaged.toml", "--dir", "folder", "--json")
        assert len(planned["runs"]) == len(ids)
        for arguments in (
            ("compare", "folder"),
            ("compare", "folder", "base", "wide", "--metric", "loss", "--final"),
        ):
            _, out, err = invoke(*arguments)
            document(*arguments, "--json")
            for run_id in changed:
                if paths.run(run_id).metrics.exists() and record_bytes(paths.run(run_id)) is None:
                    assert run_id in out + err, f"compare does not name {run_id}"
        report = document("report", "folder", "--format", "json")
        assert {run["id"] for run in report["runs"]} >= set(ids)
        invoke("report", "folder", "--format", "md")
        for run_id in drawn:
            invoke("logs", "folder", run_id)
        invoke("sync", "folder", "--dry-run")

        after = {run.id: run for run in submitted(copy).runs}
        for run_id in drawn:
            assert after[run_id].state in ("done", "failed"), f"{run_id} is {after[run_id].state}"
            assert after[run_id].state == "done" or after[run_id].error, f"{run_id} failed without a reason"
        healed = [run_id for run_id in drawn if after[run_id].state == "done"]
        for run_id in healed:
            rows = list(read_jsonl(paths.run(run_id).metrics))
            assert [row["step"] for row in rows] == list(range(STEPS)), run_id
        assert records(paths, whole) == before
        invoke("compare", "folder")
        document("report", "folder", "--format", "json")
    except BaseException:
        print(story)  # noqa: T201
        raise
