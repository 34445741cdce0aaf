"""Supervises one attempt of one run: claims it, starts the core, signals that it is alive, ends it on request, and
reports how it ended.

`supervise` needs no Ray: a Ray task, a local process and a test call the same function. This module imports
little, because every worker process pays for it.

The core is a *subprocess*. Executed inside a worker, a segmentation fault, the out-of-memory killer and
`sys.exit(0)` would all look the same, and environment, CUDA contexts and memory would leak into the next run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.execution.assignment import Assignment
from campaign.execution.fence import read_number
from campaign.execution.log_tail import last_traceback, log_tail
from campaign.execution.orphans import ATTEMPT_MARK, SUPERVISOR_MARK, end_orphans, supervisor_mark
from campaign.execution.out_of_memory import OomWatch
from campaign.execution.process import Waiter, adopt_orphans, kill_marked, stamp, start_child
from campaign.folder.atomic_files import sync_file, write_json
from campaign.folder.outcome import Outcome, OutcomeKind
from campaign.folder.paths import AttemptPaths, RunPaths
from campaign.folder.states import FINISHED_EXIT_CODE, STOPPED_EXIT_CODE
from campaign.redact import secret_values
from campaign.spec.content_hashes import file_sha256

BLIND_SHARE = 0.5
"""Share of the lease after which a supervisor that cannot read the campaign's folder ends its attempt. The rest
of the lease is the time for ending it: once the lease has expired, the controller may start the next attempt."""
TAIL_LINES = 20
MIRROR_PATIENCE_S = 30.0
"""Seconds that all mirrors together have after the core has ended."""
SIGNAL_NAMES = {1: "SIGHUP", 2: "SIGINT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
                11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ"}  # fmt: skip


def supervise(assignment: Assignment, devices: str | None = "", *, tied_to_parent: bool = False) -> Outcome:
    """Execute one attempt and return how it ended, which is also written to its `result.json`.

    `devices` is the value of CUDA_VISIBLE_DEVICES for the core; "" hides every GPU, None leaves the variable
    unchanged. `tied_to_parent`: the attempt ends when the parent of this process dies. Never raises because of anything that the core does. A second call for the same attempt returns
    `duplicate` and writes nothing.
    """
    run = RunPaths(Path(assignment.run_folder))
    attempt = run.attempt(assignment.number)
    attempt.root.parent.mkdir(parents=True, exist_ok=True)
    try:
        # The claim. mkdir(2) is atomic and fails when the name exists, on NFS too, so of any number of
        # supervisors that are given the same attempt exactly one passes this line. Ray may execute a task twice.
        attempt.root.mkdir()
    except FileExistsError:
        return Outcome("duplicate", assignment.number, reason="another supervisor has claimed this attempt")
    # The fence is read after the claim and before the core starts. A controller raises the fence before it
    # launches a successor, so an attempt that was delayed until then sees that it is no longer the owner.
    orders = Orders(assignment, run, parent=os.getppid() if tied_to_parent else None)
    why = orders.read()
    outcome = (
        Outcome(why.kind, assignment.number, reason=why.reason)
        if why
        else _Supervision(assignment, attempt, orders, devices).run()
    )
    outcome = outcome.redacted(secret_values())
    _publish(attempt, outcome)
    return outcome


@dataclass(frozen=True, slots=True)
class Order:
    """A request to end an attempt, with the reason."""

    kind: OutcomeKind
    reason: str


class Orders:
    """Reads from the campaign's folder whether this attempt has to end."""

    def __init__(
        self,
        assignment: Assignment,
        run: RunPaths,
        clock: Callable[[], float] = time.monotonic,
        parent: int | None = None,
    ) -> None:
        self.assignment = assignment
        self.parent = parent
        self.run = run
        self.clock = clock
        self.seen_at = clock()

    def read(self) -> Order | None:
        """The order to end the attempt, or None to continue."""
        if self.parent is not None and os.getppid() != self.parent:
            # The raylet, and in an embedded Ray the controller with it. Ray ends its workers too, but on a loaded
            # machine it has taken a minute.
            return Order("killed", "the Ray process that had started its worker died")
        fence = read_number(self.run.fence)
        if fence is None:
            # A short outage of the filesystem must not cost an attempt; a long one looks to the controller like
            # a dead supervisor, and then the attempt must have ended before its successor starts.
            blind_s = self.clock() - self.seen_at
            if blind_s < self.assignment.lease_s * BLIND_SHARE:
                return None
            return Order("blind", f"the run's folder could not be read for {blind_s:.1f} s")
        self.seen_at = self.clock()
        if fence != self.assignment.number:
            return Order("fenced", f"attempt {fence} owns the run")
        if self.run.cancel.exists():
            return Order("stopped", "cancelled")
        stop = read_number(Path(self.assignment.stop_file)) if self.assignment.stop_file else None
        if stop is not None and stop >= self.assignment.epoch:
            return Order("stopped", "interrupted")
        return None


def source_changed(what: Sequence[str]) -> str:
    """Why an attempt fails whose source, a file or what a field names, is not that of the plan."""
    return (
        f"the source of {', '.join(what)} has changed since the run was planned: restore it and submit with "
        "--retry-failed, or submit again to start over with the new source"
    )


def _sha256(path: str) -> str:
    try:
        return file_sha256(Path(path))
    except OSError as error:
        return str(error)


class _Supervision:
    def __init__(
        self, assignment: Assignment, attempt: AttemptPaths, orders: Orders, devices: str | None
    ) -> None:
        self.assignment = assignment
        self.attempt = attempt
        self.orders = orders
        self.env = core_environment(assignment, attempt, devices)
        self.memory = OomWatch()
        self.secrets = secret_values(self.env)
        self.began = time.monotonic()

    def run(self) -> Outcome:
        changed = [path for path, planned in self.assignment.sources.items() if _sha256(path) != planned]
        if self.assignment.refused or changed:
            return self._failure(self.assignment.refused or source_changed(changed))
        adopt_orphans()  # before the first child, or an orphan of it could already belong to init
        if self.assignment.number > 1:
            # The controller does the same on its own machine; this one may be another.
            end_orphans(Path(self.assignment.run_folder))
        if self.assignment.note:
            self._log(self.assignment.note)
        mirrors = self._start_mirrors()
        with self.attempt.log.open("ab") as log:
            try:
                core = start_child(
                    self.assignment.command, env=self.env, cwd=self.assignment.workdir, output=log
                )
            except OSError as error:
                return self._failure(f"cannot start in {self.assignment.workdir}: {error.strerror}")
        self._note_start(core.pid)
        waiter = Waiter(core)
        try:
            code, order = self._watch(waiter)
        finally:
            waiter.close()
            if core.poll() is None:  # an exception in this module must not leave a core without supervisor
                core.kill()
                core.wait()
            kill_marked(ATTEMPT_MARK, str(self.attempt.root))
        # Read once more: a successor may have been started since the last beat, and then this outcome must not
        # be accepted, even when the core has finished.
        last = self.orders.read()
        if last and last.kind == "fenced":
            order = last
        outcome = self._outcome(code, order)
        # Before the result, or a power cut could leave one that says finished beside a log without its last rows.
        sync_file(self.attempt.root / self.assignment.metrics_file)
        if mirrors:
            # A mirror ends when it sees the result, so the result is published before waiting.
            _publish(self.attempt, outcome.redacted(self.secrets))
        deadline = time.monotonic() + MIRROR_PATIENCE_S
        for sink, mirror in mirrors.items():
            self._wait_for(sink, mirror, deadline)
        return outcome

    def _watch(self, waiter: Waiter) -> tuple[int, Order | None]:
        """Beat until the core has ended. Returns its exit code and the order that ended it, if any."""
        while True:
            code = waiter.wait(self.assignment.beat_s)
            if code is not None:
                return code, None
            self._beat()
            order = self.orders.read()
            if order:
                return self._end(waiter, order), order

    def _end(self, waiter: Waiter, order: Order) -> int:
        """Send SIGTERM, and SIGKILL after the time that this order allows. Returns the exit code."""
        patience = {
            # A later attempt may be running, so there is nothing worth saving.
            "fenced": 0.0,
            # So it may soon when the controller has died.
            "killed": 0.0,
            # 0.8 of the rest of the lease: the remainder is for SIGKILL, before a successor may start.
            "blind": min(self.assignment.grace_s, self.assignment.lease_s * (1 - BLIND_SHARE) * 0.8),
        }.get(order.kind, self.assignment.grace_s)
        if patience:
            waiter.child.terminate()
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            code = waiter.wait(min(self.assignment.beat_s, deadline - time.monotonic()))
            if code is not None:
                return code
            self._beat()
        waiter.child.kill()
        return waiter.child.wait()

    def _beat(self) -> None:
        """Set the modification time of the attempt's folder, which is the heartbeat that the controller reads.

        Without a time, utimensat(2) uses the filesystem's clock, and for NFS that is the server's: the age of a
        beat never compares clocks of two machines.
        """
        self.memory.look()
        try:
            os.utime(self.attempt.root)
        except OSError:
            return  # the fence will be unreadable too, and `Orders` then ends the attempt

    def _note_start(self, core: int) -> None:
        write_json(
            self.attempt.started,
            {
                "supervisor": stamp(os.getpid()).to_json(),
                "core": stamp(core).to_json(),
                "command": list(self.assignment.command),
                "devices": self.env.get("CUDA_VISIBLE_DEVICES"),
                "checkpoint": self.assignment.checkpoint,
                "first_step": self.assignment.first_step,
                "note": self.assignment.note,
                "epoch": self.assignment.epoch,
                "provenance": self.assignment.provenance,
            },
            sync=False,
        )

    def _outcome(self, code: int, order: Order | None) -> Outcome:
        kind = outcome_kind(code, order)
        out_of_memory = kind in ("killed", "failed") and order is None and self._ran_out_of_memory(code)
        if out_of_memory:
            kind = "failed"
        tail = log_tail(self.attempt.log, self.secrets) if kind in ("failed", "killed", "stopped") else ()
        signal_name = SIGNAL_NAMES.get(-code, f"signal {-code}") if code < 0 else ""
        reason = order.reason if order else ""
        if out_of_memory:
            reason = (
                "killed by SIGKILL: out of memory (the kernel's out-of-memory killer was at work, by "
                f"{self.memory.counter})"
            )
        elif kind == "killed" and not order:
            reason = (
                f"killed by {signal_name}, which campaign did not send (out-of-memory killer? scheduler?)"
                if signal_name
                else f"exited with {STOPPED_EXIT_CODE}, but campaign did not ask it to stop (scheduler?)"
            )
        return Outcome(
            kind,
            self.assignment.number,
            exit_code=code if code >= 0 else None,
            # For a killed one, the signal that campaign did not send.
            signal="" if order and kind == "killed" else signal_name,
            seconds=round(time.monotonic() - self.began, 3),
            reason=reason,
            log_tail=tail[-TAIL_LINES:],
            # One in the log of a core that was killed is older, and not the reason.
            traceback=last_traceback(tail) if kind == "failed" and not out_of_memory else "",
        )

    def _ran_out_of_memory(self, code: int) -> bool:
        """Whether the core, or with 137 the program that a shell waited for, got SIGKILL while the kernel's killer was
        at work."""
        return self.memory.look() and code in (-signal.SIGKILL, 128 + signal.SIGKILL)

    def _failure(self, reason: str) -> Outcome:
        return Outcome("failed", self.assignment.number, reason=reason)

    def _start_mirrors(self) -> dict[str, subprocess.Popen[bytes]]:
        """Start a mirror for each metrics sink of the run. Their errors are logged and never affect the run."""
        env = {**self.env, "CUDA_VISIBLE_DEVICES": ""}
        # Without the mark, `kill_marked` does not mistake a mirror for a process that the core left behind.
        env.pop(ATTEMPT_MARK, None)
        root = str(self.attempt.root)
        mirrors: dict[str, subprocess.Popen[bytes]] = {}
        for sink, settings in self.assignment.sinks.items():
            command = [sys.executable, "-m", "campaign.metrics.mirror", root, "--sink", sink]
            try:
                write_json(self.attempt.sink_settings(sink), settings, sync=False)
                with self.attempt.sink_log(sink).open("ab") as log:
                    mirrors[sink] = start_child(command, env=env, cwd=root, output=log)
            except (OSError, ValueError) as error:
                self._log(f"{sink} mirror could not be started: {error}")
        return mirrors

    def _wait_for(self, sink: str, mirror: subprocess.Popen[bytes], deadline: float) -> None:
        waiter = Waiter(mirror)
        try:
            code = waiter.wait(0)
            while code is None and time.monotonic() < deadline:
                code = waiter.wait(self.assignment.beat_s)
                self._beat()
            if code is None:
                mirror.kill()
                mirror.wait()
                self._log(f"{sink} mirror did not finish within {MIRROR_PATIENCE_S:.0f} s and was killed")
            elif code:
                self._log(f"{sink} mirror ended with {code}; see {self.attempt.sink_log(sink).name}")
        finally:
            waiter.close()

    def _log(self, message: str) -> None:
        # The core may have replaced its log by a FIFO, and opening that would wait for a reader forever.
        try:
            log = os.open(self.attempt.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o666)
        except OSError as error:
            sys.stderr.write(f"campaign: {self.attempt.log}: {error.strerror}: {message}\n")
            return
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"[campaign] {message}\n")


def outcome_kind(code: int, order: Order | None) -> OutcomeKind:
    """What an exit code (negative: a signal) means, given the order to the core. A core that exits with 0 has
    finished, also when it was asked to stop: its last step may have come first."""
    if order and order.kind in ("fenced", "blind"):
        return order.kind
    if code == FINISHED_EXIT_CODE:
        return "finished"
    if order:
        return order.kind
    # Without an order, these come from a batch system's SIGTERM, the kernel's out-of-memory killer, or a user.
    # They say nothing about the run itself. Every other signal, such as SIGSEGV, has its cause in the core.
    return "killed" if code in (STOPPED_EXIT_CODE, -signal.SIGKILL, -signal.SIGTERM) else "failed"


def core_environment(
    assignment: Assignment, attempt: AttemptPaths, devices: str | None, base: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment of a core: the worker's, without Ray's variables, plus those of the run."""
    env = {name: value for name, value in base.items() if not name.startswith("RAY_")}
    if env.get("PYTHONBREAKPOINT", "").startswith("ray."):
        del env["PYTHONBREAKPOINT"]
    # A command that begins with `python` gets this interpreter, even when its folder is not on the PATH.
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
    env["PYTHONUNBUFFERED"] = "1"
    env.update(assignment.env)
    env.update(
        {ATTEMPT_MARK: str(attempt.root), SUPERVISOR_MARK: supervisor_mark()},
        CAMPAIGN_RUN_ID=assignment.run_id,
        CAMPAIGN_ATTEMPT=str(assignment.number),
        CAMPAIGN_SEED=str(assignment.seed),
        CAMPAIGN_CONDITION=assignment.condition,
        CAMPAIGN_CHECKPOINT=assignment.checkpoint,
    )
    if devices is not None:
        env["CUDA_VISIBLE_DEVICES"] = devices
    return env


def _publish(attempt: AttemptPaths, outcome: Outcome) -> None:
    try:
        write_json(attempt.result, outcome.to_json())
    except OSError as error:
        # The folder is unreachable. The controller still receives the outcome as the return value; if it does
        # not, the attempt counts as lost.
        sys.stderr.write(f"campaign: cannot write the result of {attempt.root}: {error}\n")


def main() -> None:
    """`python -m campaign.execution.supervisor`: reads an assignment and its devices as JSON from stdin, and writes
    the outcome as the last line of stdout."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the controller decides what a Ctrl-C means
    document: dict[str, Any] = json.loads(sys.stdin.read())
    outcome = supervise(Assignment.from_json(document["assignment"]), document["devices"])
    sys.stdout.write("\n" + json.dumps(outcome.to_json()) + "\n")


if __name__ == "__main__":
    main()
