"""The identity follows the content of models and source code, wherever they are, and reads nothing that never ends."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from campaign.check.campaign_proof import prove_spec
from campaign.errors import SpecError
from campaign.folder.regular_files import DamagedFile
from campaign.spec import content_hashes
from campaign.spec.content_hashes import file_sha256, model_sha256
from campaign.spec.identity import identity_fields
from campaign.spec.load import load
from campaign.spec.planned_runs import Facts, RunFacts
from campaign.spec.resolve import resolve
from campaign.spec.source_code import changed_source, search_path
from campaign.spec.spec import Spec


def spec_in(folder: Path, text: str) -> Spec:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "c.toml").write_text(f"[campaign]\nseeds = [1]\n{text}")
    return load(folder / "c.toml")


def identity_in(folder: Path, text: str) -> str:
    return resolve(spec_in(folder, text)).runs[0].identity


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# -- models --------------------------------------------------------------------------------------------------

MODEL = '[model]\nmodel = "./model"\n'


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write(tmp_path / "one/model/config.json", "{}")
    write(tmp_path / "one/model/model.safetensors", "weights")
    return tmp_path / "one/model"


def test_a_model_folder_counts_by_its_content_and_not_by_its_place(tmp_path: Path, model: Path) -> None:
    here = identity_in(tmp_path / "one", MODEL)
    shutil.copytree(model, tmp_path / "two/other")
    assert identity_in(tmp_path / "two", MODEL.replace("./model", "./other")) == here
    (model / "model.safetensors").write_text("WEIGHTS")
    assert identity_in(tmp_path / "one", MODEL) != here


def test_a_model_folder_counts_by_the_files_that_loading_it_reads(tmp_path: Path, model: Path) -> None:
    before = model_sha256(model)
    write(model / "checkpoint-500/optimizer.pt", "state")
    write(model / ".cache/x", "y")
    assert model_sha256(model) == before
    os.rename(model / "config.json", model / "config2.json")
    assert model_sha256(model) != before


def test_links_to_files_count_as_the_files(tmp_path: Path, model: Path) -> None:
    linked = tmp_path / "snapshot"
    linked.mkdir()
    for file in model.iterdir():
        (linked / file.name).symlink_to(file)
    assert model_sha256(linked) == model_sha256(model)


@pytest.mark.timeout(20)
def test_what_is_no_regular_file_is_never_read(tmp_path: Path, model: Path) -> None:
    before = model_sha256(model)
    os.mkfifo(model / "pipe")
    (model / "zero").symlink_to("/dev/zero")
    assert model_sha256(model) == before
    for name in ("pipe", "zero"):
        with pytest.raises(DamagedFile):
            file_sha256(model / name)
    os.mkfifo(tmp_path / "one/args")
    identity_in(tmp_path / "one", '[core]\ncommand = ["python", "args", "/dev/zero", "--x=model/pipe"]\n')


def test_a_declared_hash_must_match_the_model(tmp_path: Path, model: Path) -> None:
    good = model_sha256(model)
    spec_in(tmp_path / "one", f'{MODEL}model_sha256 = "{good}"\n')
    with pytest.raises(SpecError, match=r"model.model_sha256: ./model has other content: its SHA-256 is"):
        spec_in(tmp_path / "one", f'{MODEL}model_sha256 = "{"0" * 64}"\n')


@pytest.mark.parametrize(
    ("text", "field"),
    [("[model]\n", "model.model"), ("[core]\n", "core.command"), ("[data]\n", "data.sources")],
)
def test_a_hash_of_nothing_is_refused(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(SpecError, match=f"{field}_sha256: is given, but {field} names no"):
        spec_in(tmp_path, f'{text}{field.partition(".")[2]}_sha256 = "{"0" * 64}"\n')


def test_a_large_file_is_hashed_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(content_hashes, "SETTLED_S", -1.0)
    file = tmp_path / "weights"
    file.write_bytes(b"a" * 2 * content_hashes.LARGE)
    first = file_sha256(file)
    memory = tmp_path / "cache/campaign/content_hashes.json"
    (known,) = json.loads(memory.read_text()).items()
    assert known[1] == first
    # The remembered value is the one that is used.
    memory.write_text(json.dumps({known[0]: "f" * 64}))
    assert file_sha256(file) == "f" * 64
    # Same size and same time of modification, other content.
    times = file.stat()
    file.write_bytes(b"b" * 2 * content_hashes.LARGE)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file_sha256(file) not in (first, "f" * 64)
    memory.write_text("[[[")
    assert file_sha256(file) not in (first, "f" * 64)


# -- source code ---------------------------------------------------------------------------------------------

FUNCTIONS = {
    "core.entrypoint": '[core]\nentrypoint = "plug.mine:function"\n',
    "data.sources": '[data]\nsources = ["add", "plug.mine.function"]\n',
    "algorithm.advantage_mode": '[algorithm]\nadvantage_mode = "plug.mine.function"\n',
    "algorithm.transform_mode": '[algorithm]\ntransform_mode = "plug.mine.function"\n',
    "algorithm.uncertainty_kind": '[algorithm]\nuncertainty_kind = "plug.mine.function"\n',
    "algorithm.algorithm_mode": '[algorithm]\nalgorithm_mode = "plug.mine.function"\n',
}
EXECUTED = "raise SystemExit('planning executes nothing')\n"


@pytest.mark.parametrize("field", FUNCTIONS)
def test_the_source_of_a_function_is_part_of_the_identity(tmp_path: Path, field: str) -> None:
    text = FUNCTIONS[field]
    module = write(tmp_path / "plug/mine.py", EXECUTED)
    write(tmp_path / "plug/__init__.py", EXECUTED)
    before = identity_in(tmp_path, text)
    assert identity_in(tmp_path, text) == before
    module.write_text(EXECUTED + "# changed\n")
    assert identity_in(tmp_path, text) != before
    spec = spec_in(tmp_path, text)
    config = resolve(spec).runs[0].config
    path = search_path(tmp_path)
    assert changed_source(config, tmp_path, path) == []
    module.write_text(EXECUTED)
    assert changed_source(config, tmp_path, path) == [field]


def test_a_module_counts_with_its_outermost_package_and_nothing_else(tmp_path: Path) -> None:
    text = FUNCTIONS["core.entrypoint"].replace("plug.mine", "lab.rl.train")
    for name in ("lab/__init__.py", "lab/losses.py", "lab/rl/__init__.py", "lab/rl/train.py", "beside.py"):
        write(tmp_path / name, "")
    before = identity_in(tmp_path, text)
    write(tmp_path / "beside.py", "x = 1")
    write(tmp_path / "lab/notes.txt", "x")
    write(tmp_path / "lab/__pycache__/x.py", "x")
    assert identity_in(tmp_path, text) == before
    write(tmp_path / "lab/losses.py", "x = 1")
    assert identity_in(tmp_path, text) != before


def test_a_module_outside_a_package_counts_alone(tmp_path: Path) -> None:
    text = FUNCTIONS["core.entrypoint"].replace("plug.mine", "alone")
    write(tmp_path / "alone.py", "")
    before = identity_in(tmp_path, text)
    write(tmp_path / "beside.py", "")
    assert identity_in(tmp_path, text) == before
    write(tmp_path / "alone.py", "x = 1")
    assert identity_in(tmp_path, text) != before


def test_a_package_at_another_place_is_the_same_source(tmp_path: Path) -> None:
    text = FUNCTIONS["core.entrypoint"]
    for place in ("one", "two"):
        write(tmp_path / place / "plug/__init__.py", "")
        write(tmp_path / place / "plug/mine.py", "x = 1")
    assert identity_in(tmp_path / "one", text) == identity_in(tmp_path / "two", text)


def test_a_module_that_is_not_found_is_said_to_be_left_out(tmp_path: Path) -> None:
    spec = spec_in(tmp_path, FUNCTIONS["algorithm.transform_mode"])
    assert any("module plug.mine is not found on this machine" in note for note in spec.notes)


def test_built_in_names_and_the_package_itself_have_no_source_in_the_identity(tmp_path: Path) -> None:
    config = resolve(spec_in(tmp_path, '[algorithm]\nadvantage_mode = "maxrl"\n')).runs[0].config
    assert config.algorithm.advantage_mode_sha256 is None
    own = '[algorithm]\ntransform_mode = "campaign.core.transforms.none"\n'
    assert resolve(spec_in(tmp_path, own)).runs[0].config.algorithm.transform_mode_sha256 is None


SCRIPT = '[core]\ncommand = ["python", "train.py", "--config={config}", "--extra=extra.yaml"]\n'


def test_the_files_that_a_command_names_are_part_of_the_identity(tmp_path: Path) -> None:
    for name in ("train.py", "extra.yaml", "other.py"):
        write(tmp_path / name, "")
    before = identity_in(tmp_path, SCRIPT)
    write(tmp_path / "other.py", "x = 1")
    assert identity_in(tmp_path, SCRIPT) == before
    write(tmp_path / "extra.yaml", "x: 1")
    changed = identity_in(tmp_path, SCRIPT)
    write(tmp_path / "train.py", "x = 1")
    assert len({before, changed, identity_in(tmp_path, SCRIPT)}) == 3


def test_a_local_module_that_a_command_starts_is_part_of_the_identity(tmp_path: Path) -> None:
    text = '[core]\ncommand = ["python", "-m", "lab.train"]\n'
    write(tmp_path / "lab/__init__.py", "")
    write(tmp_path / "lab/train.py", "")
    before = identity_in(tmp_path, text)
    write(tmp_path / "lab/train.py", "x = 1")
    assert identity_in(tmp_path, text) != before


@pytest.mark.parametrize(
    "command", ['["python", "-c", "print(1)"]', '["python", "-m", "json.tool"]', '["python", "-m", "pytest"]',
                '["/bin/sh", "-c", "exit"]', f'["python", "{"x" * 5000}"]'],
)  # fmt: skip
def test_a_command_without_local_files_has_no_source_in_the_identity(tmp_path: Path, command: str) -> None:
    config = resolve(spec_in(tmp_path, f"[core]\ncommand = {command}\n")).runs[0].config
    assert config.core.command_sha256 is None


def test_conditions_with_different_scripts_differ_in_nothing_but_the_fields_under_test(
    tmp_path: Path,
) -> None:
    for name in ("a.py", "b.py"):
        write(tmp_path / name, f"# {name}")
    conditions = '[[campaign.conditions]]\nname = "a"\n[[campaign.conditions]]\nname = "b"\n'
    spec = spec_in(
        tmp_path, conditions + '"core.command" = ["python", "b.py"]\n[core]\ncommand = ["python", "a.py"]\n'
    )
    assert spec.under_test == ("core.command", "core.command_sha256")
    assert prove_spec(spec, resolve(spec)).verdict == "proven"


def test_the_plan_names_the_source_that_changed(tmp_path: Path) -> None:
    write(tmp_path / "train.py", "")
    write(tmp_path / "extra.yaml", "")
    run = resolve(spec_in(tmp_path, SCRIPT)).runs[0]
    facts = Facts(runs={run.id: RunFacts("done", run.identity, identity_fields(run.config))})
    write(tmp_path / "train.py", "x = 1")
    again = resolve(spec_in(tmp_path, SCRIPT), facts).runs[0]
    old, new = run.config.core.command_sha256, again.config.core.command_sha256
    assert old is not None
    assert new is not None
    assert (again.action, again.reason) == (
        "stale", f"done with core.command_sha256: {old[:12]}, the spec says {new[:12]}",
    )  # fmt: skip
