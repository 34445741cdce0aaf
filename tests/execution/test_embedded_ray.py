"""The Ray that a submit starts on this machine: nobody else can use it, and its loss is not a loss of runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaign.errors import Infeasible
from campaign.execution.process import descendants, stamp
from campaign.execution.ray_backend import RayBackend, _sweep
from campaign.execution.store_reader import StoreReader
from campaign.spec.config import RaySection
from tests.execution.small_campaign import processes_with, ray_folders, until
from tests.execution.test_submit_on_ray import Place

pytestmark = [pytest.mark.ray, pytest.mark.slow]

NOBODY = 65534


def test_a_deleted_temporary_folder_is_the_loss_of_ray_and_not_of_the_runs(
    tmp_path: Path, core_script: Path
) -> None:
    """First in this file: the Ray of the fixture would hand its token down to that of this submit."""
    place = Place(tmp_path, core_script, steps=20, pause=0.0)
    place.hold()
    submit = place.start("submit", "small.toml")
    until(lambda: place.steps("base_s1") == 8 and place.steps("base_s2") == 8, "both runs on their way")
    (temporary,) = ray_folders(submit.pid)
    shutil.rmtree(temporary)
    _, err = submit.communicate(timeout=60)
    assert submit.returncode == 5, err
    assert f"Ray's temporary files were deleted ({temporary}/token is missing)" in err
    assert "submit again" in err
    assert "Traceback" not in err
    assert not processes_with(str(temporary))
    with StoreReader.open(place.paths) as store:
        assert {(row.failures, row.losses) for row in store.runs()} == {(0, 0)}
    place.let_go()
    code, _, err = place.call("submit", "small.toml", "--backend", "local")
    assert code == 0, err
    place.small.audit(steps=20)
    assert place.small.note("base_s1", 2)["first_step"] == 5, "from the last checkpoint"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The temporary folder of a Ray that this process has started. It is not the first one of the process, as after
    two submits in one notebook: Ray keeps the token of the first."""
    first = RayBackend(RaySection(num_cpus=1, num_gpus=0))
    first.start()
    first.close()
    backend = RayBackend(RaySection(num_cpus=1, num_gpus=0))
    backend.start()
    yield Path(os.environ["RAY_AUTH_TOKEN_PATH"]).parent
    backend.close()


def test_its_folder_and_its_token_are_for_this_user_alone(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
    assert list(folder.glob("r/session_*/sockets/raylet")), "Ray writes to no other folder"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize(
    "attempt", ["cat {0}/token", "ls {0}", "ls {0}/r", "ls {0}/r/session_latest/sockets"]
)
def test_another_user_can_neither_read_the_token_nor_list_the_folder(folder: Path, attempt: str) -> None:
    command = attempt.format(folder)
    tried = subprocess.run(
        ["sh", "-c", command], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True
    )
    assert tried.returncode != 0
    assert "Permission denied" in tried.stderr
    assert tried.stdout == ""
    assert subprocess.run(["sh", "-c", command], capture_output=True).returncode == 0, "this user can"


def test_all_its_processes_listen_on_this_machine_only(folder: Path) -> None:
    addresses = [address for pid in (os.getpid(), *descendants(os.getpid())) for address in listening(pid)]
    assert len(addresses) >= 4, "the servers of Ray"
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert {address for address in addresses if address not in loopback} == set()


def listening(pid: int) -> list[str]:
    """The addresses on which a process listens, as in /proc/net/tcp."""
    sockets = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                sockets[fields[9]] = fields[1].split(":")[0]
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(descriptor))
        except OSError:
            continue
        if match and match[1] in sockets:
            found.append(sockets[match[1]])
    return found


def test_a_ray_that_the_process_uses_already_is_neither_used_nor_ended(folder: Path) -> None:
    with pytest.raises(Infeasible, match=r"already uses another Ray: call ray.shutdown\(\) first"):
        RayBackend(RaySection(num_cpus=1, num_gpus=0)).start()
    import ray

    assert ray.is_initialized()


def test_a_process_that_has_imported_ray_before_gets_a_protected_one_too() -> None:
    code = (
        "import ray, os\n"
        "from campaign.execution.ray_backend import RayBackend, RaySection\n"
        "backend = RayBackend(RaySection(num_cpus=1, num_gpus=0)); backend.start()\n"
        "print(ray.get_runtime_context().gcs_address, os.environ['RAY_AUTH_MODE'])\n"
        "backend.close()"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"127\.0\.0\.1:\d+ token\n", done.stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_only_folders_of_this_user_are_looked_into_and_removed() -> None:
    """Another user may have left a FIFO as owner file, whose reader would wait forever."""
    mine, foreign = Path("/tmp/campaign-ray-test-mine"), Path("/tmp/campaign-ray-test-foreign")
    for folder in (mine, foreign):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    try:
        process = subprocess.Popen(["sleep", "300"])
        (mine / "owner.json").write_text(json.dumps(stamp(process.pid).to_json()))
        process.kill()
        process.wait()
        os.mkfifo(foreign / "owner.json")
        os.chown(foreign, NOBODY, NOBODY)
        _sweep()
        assert not mine.exists()
        assert foreign.exists()
    finally:
        shutil.rmtree(foreign)
        shutil.rmtree(mine, ignore_errors=True)
