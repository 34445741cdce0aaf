"""The contract that every backend in `BACKENDS` keeps."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest

from campaign.errors import Infeasible, UsageError
from campaign.execution import ray_backend
from campaign.execution.assignment import Assignment
from campaign.execution.backend import (
    BACKENDS,
    AttemptKey,
    Backend,
    Capacity,
    Ended,
    create_backend,
    require_backend,
    require_feasible,
)
from campaign.execution.fence import raise_fence
from campaign.execution.local_backend import LocalBackend
from campaign.folder.json_lines import read_jsonl
from campaign.folder.paths import RunPaths
from campaign.spec.config import BackendName, RaySection, ResourcesSection, RunConfig
from tests.execution.small_campaign import alive, processes_with, until

ONE = ResourcesSection(num_cpus=1.0)


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[pytest.mark.ray] if name == "ray" else []) for name in BACKENDS],
)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Two cores and four GPUs that do not exist."""
    made = create_backend(request.param, RunConfig(ray=RaySection(num_cpus=2, num_gpus=4)))
    assert made.name == request.param
    made.start()
    yield made
    made.close()
    assert "RAY_AUTH_TOKEN_PATH" not in os.environ, "the next Ray of this process, or below it, has its own"


Other = Callable[..., Assignment]


@pytest.fixture
def other(run: RunPaths, make_assignment: Callable[..., Assignment]) -> Other:
    """Assignments of further runs beside `run`."""

    def make(name: str, **wishes: Any) -> Assignment:
        from dataclasses import replace

        folder = RunPaths(run.root.parent / name)
        folder.root.mkdir()
        raise_fence(folder, 1)
        made = make_assignment(**wishes)
        command = tuple(part.replace(str(run.root), str(folder.root)) for part in made.command)
        return replace(made, run_id=name, run_folder=str(folder.root), command=command)

    return make


def ends(backend: Backend, number: int) -> list[Ended]:
    """The next `number` attempts that end."""
    found: list[Ended] = []
    until(lambda: found.extend(backend.wait(0.25)) or len(found) >= number, f"{number} ends")
    return found


def print_devices() -> tuple[str, ...]:
    return (sys.executable, "-c", "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])")


def test_attempt_is_reported_with_its_outcome(backend: Backend, make_assignment: Other) -> None:
    backend.launch(make_assignment(steps=3), ONE)
    (ended,) = ends(backend, 1)
    assert ended.key == AttemptKey("base_s1", 1)
    assert ended.outcome is not None
    assert ended.outcome.kind == "finished"


def test_failing_core_is_an_outcome_and_not_an_error(backend: Backend, make_assignment: Other) -> None:
    backend.launch(make_assignment(command=(sys.executable, "-c", "raise ValueError('x')")), ONE)
    (ended,) = ends(backend, 1)
    assert ended.outcome is not None
    assert (ended.outcome.kind, ended.outcome.message) == ("failed", "ValueError: x")


def test_concurrent_runs_never_exceed_the_capacity(backend: Backend, other: Other, run: RunPaths) -> None:
    for index in range(5):
        backend.launch(other(f"a_s{index}", steps=4, pause=0.1), ONE)
    finished = ends(backend, 5)
    spans = []
    for ended in finished:
        rows = list(read_jsonl(RunPaths(run.root.parent / ended.key.run_id).attempt(1).metrics))
        spans.append((rows[0]["t"], rows[-1]["t"]))
    for begin, _ in spans:
        assert sum(b <= begin <= e for b, e in spans) <= 2


def test_waiting_without_attempts_returns(backend: Backend) -> None:
    assert list(backend.wait(0.01)) == []


def test_runs_see_the_gpus_they_were_given_and_no_others(
    backend: Backend, other: Other, run: RunPaths
) -> None:
    wants = ResourcesSection(num_cpus=0.5, num_gpus=2.0)
    for name in ("a_s1", "b_s1"):
        backend.launch(other(name, command=print_devices()), wants)
    backend.launch(other("c_s1", command=print_devices()), ResourcesSection(num_cpus=0.5))
    finished = ends(backend, 3)
    assert [ended.outcome and ended.outcome.kind for ended in finished] == ["finished"] * 3, finished
    seen = {
        name: RunPaths(run.root.parent / name).attempt(1).log.read_text().strip()
        for name in ("a_s1", "b_s1", "c_s1")
    }
    assert seen["c_s1"] == ""
    assert len(seen["a_s1"].split(",")) == len(seen["b_s1"].split(",")) == 2


def test_runs_that_request_half_a_gpu_get_exactly_one_device(
    backend: Backend, other: Other, run: RunPaths
) -> None:
    names = ("a_s1", "b_s1", "c_s1")
    for name in names:
        required = ResourcesSection(num_cpus=0.5, num_gpus=0.5)
        backend.launch(other(name, command=print_devices()), required)
    finished = ends(backend, 3)
    assert [ended.outcome and ended.outcome.kind for ended in finished] == ["finished"] * 3, finished
    for name in names:
        seen = RunPaths(run.root.parent / name).attempt(1).log.read_text().strip()
        assert len(seen.split(",")) == 1
        assert seen


def test_capacity_is_what_was_offered(backend: Backend) -> None:
    capacity = backend.capacity()
    assert (capacity.cpus, capacity.gpus) == (2, 4)
    assert capacity.memory_gb > 0.5


def test_a_worker_that_dies_is_reported_without_an_outcome(
    backend: Backend, run: RunPaths, make_assignment: Other
) -> None:
    backend.launch(make_assignment(steps=10_000, pause=0.02), ONE)
    note = until(lambda: _note(run), "the start")
    os.kill(note["supervisor"]["pid"], signal.SIGKILL)
    (ended,) = ends(backend, 1)
    assert ended.outcome is None
    assert ended.detail
    until(lambda: not alive(note["core"]["pid"]), "the core's end", 10)


def test_an_abandoned_attempt_is_ended_and_never_reported(
    backend: Backend, run: RunPaths, make_assignment: Other
) -> None:
    backend.launch(make_assignment(steps=10_000, pause=0.02), ONE)
    note = until(lambda: _note(run), "the start")
    backend.abandon(AttemptKey("base_s1", 1))
    until(lambda: not alive(note["core"]["pid"]), "the core's end", 10)
    assert list(backend.wait(0.2)) == []


def test_closing_ends_everything(run: RunPaths, make_assignment: Other) -> None:
    local = LocalBackend(cpus=1)
    local.start()
    local.launch(make_assignment(steps=10_000, pause=0.02), ONE)
    until(lambda: _note(run), "the start")
    local.close()
    until(lambda: not processes_with(str(run.root)), "the end of all processes", 10)


def test_every_name_that_a_spec_may_give_has_a_backend() -> None:
    assert set(BACKENDS) == set(get_args(BackendName))


def test_a_backend_that_does_not_exist_is_refused_with_the_legal_names() -> None:
    with pytest.raises(UsageError, match=r"no backend 'slurm'; legal: ray, local"):
        require_backend("slurm")


def test_a_share_of_a_gpu_leaves_whole_devices_free(
    run: RunPaths, make_assignment: Other, other: Other
) -> None:
    local = LocalBackend(cpus=8, devices=["0", "1"])
    share, whole = ResourcesSection(num_cpus=1, num_gpus=0.5), ResourcesSection(num_cpus=1, num_gpus=1)
    assert local.capacity().gpus == 2
    local.launch(make_assignment(steps=10_000, pause=0.02), share)
    for name in ("a_s1", "b_s1"):
        local.launch(other(name, steps=10_000, pause=0.02), {"a_s1": share, "b_s1": whole}[name])
    assert len(local.supervisors()) == 3, "two shares on one device, and the whole one beside them"
    local.launch(other("c_s1", steps=1), share)
    assert len(local.supervisors()) == 3, "no device is left"
    local.close()
    assert not local.supervisors()


def test_shares_that_fit_in_total_but_on_no_device_wait(
    run: RunPaths, make_assignment: Other, other: Other
) -> None:
    local = LocalBackend(cpus=8, devices=["0", "1"])
    required = ResourcesSection(num_cpus=1, num_gpus=0.6)
    local.launch(make_assignment(steps=10_000, pause=0.02), required)
    for name in ("a_s1", "b_s1"):
        local.launch(other(name, steps=10_000, pause=0.02), required)
    assert len(local.supervisors()) == 2
    local.abandon(AttemptKey("base_s1", 1))
    until(lambda: local.wait(0.05) or len(local.supervisors()) == 2, "the third run on the freed device")
    local.close()


def test_a_cluster_whose_head_does_not_answer_any_more_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as head:
        ray = ray_backend.RayBackend(RaySection(address=f"127.0.0.1:{head.getsockname()[1]}"))
        assert ray.problem() == ""
    assert ray.problem() == "", "it may be restarting"
    monkeypatch.setattr(ray_backend, "HEAD_PATIENCE_S", 0.0)
    assert re.fullmatch(
        r"the head of the Ray cluster at 127\.0\.0\.1:\d+ does not answer \(.*refused\)", ray.problem()
    )


@pytest.mark.parametrize(
    ("required", "said"),
    [
        (ResourcesSection(num_gpus=2), r"2 GPUs \(resources.num_gpus; available: 1\)"),
        (ResourcesSection(num_cpus=64), r"64 CPU cores \(resources.num_cpus; available: 2\)"),
        (ResourcesSection(memory_gb=999), r"999 GiB of memory \(resources.memory_gb; available: 8\)"),
    ],
)
def test_infeasible_run_is_refused_with_the_arithmetic(required: ResourcesSection, said: str) -> None:
    with pytest.raises(Infeasible, match=said):
        require_feasible(Capacity(2, 1, 8), required, "run a_s1")


def test_fractions_of_gpus_add_up() -> None:
    free = Capacity(8, 1, 8)
    for _ in range(3):
        assert free.holds(ResourcesSection(num_gpus=0.3))
        free -= ResourcesSection(num_gpus=0.3)
    assert not free.holds(ResourcesSection(num_gpus=0.3))


def _note(run: RunPaths) -> dict[str, Any] | None:
    from campaign.folder.atomic_files import read_json

    return read_json(run.attempt(1).started)
