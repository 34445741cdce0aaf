"""One attempt of one run: claims it, starts the core, shows that it lives, obeys, and says how it ended.

`supervise` needs no Ray: a Ray task, a local process and a test call the same function. It imports little,
because every worker process pays for it.

The core is a *subprocess*: inside a worker a segmentation fault, the out-of-memory killer and `sys.exit(0)`
all look the same, and environment, CUDA contexts and memory leak into the next run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaign.execution.attempt import CHECKPOINTED, Assignment, Outcome, OutcomeKind
from campaign.execution.fence import read_number
from campaign.execution.log_tail import last_traceback, log_tail
from campaign.execution.process import (
    Waiter,
    adopt_orphans,
    kill_marked,
    stamp,
    start_bound,
)
from campaign.folder.atomic_files import write_json
from campaign.folder.paths import AttemptPaths, RunPaths

BLIND_SHARE = 0.5
"""Share of the lease after which a supervisor that cannot read the campaign's folder begins to end its
attempt; the rest of the lease is for ending it, before anybody may start the next."""
TAIL_LINES = 20
MIRROR_PATIENCE_S = 30.0
SIGNAL_NAMES = {1: "SIGHUP", 2: "SIGINT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
                11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ"}  # fmt: skip


def supervise(assignment: Assignment, devices: str | None = "") -> Outcome:
    """Execute one attempt and return how it ended; also written to its `result.json`.

    `devices`: value of CUDA_VISIBLE_DEVICES for the core; "" hides every GPU, None leaves the variable as it
    is. Never raises for anything that the core does. Called twice for the same attempt, the second call
    returns `duplicate` and touches nothing.
    """
    run = RunPaths(Path(assignment.run_folder))
    attempt = run.attempt(assignment.number)
    attempt.root.parent.mkdir(parents=True, exist_ok=True)
    try:
        attempt.root.mkdir()
    except FileExistsError:
        return Outcome("duplicate", assignment.number, reason="somebody else has claimed this attempt")
    orders = Orders(assignment, run)
    why = orders.read()
    outcome = (
        Outcome(why.kind, assignment.number, reason=why.reason)
        if why
        else _Supervision(assignment, attempt, orders, devices).run()
    )
    _publish(attempt, outcome)
    return outcome


@dataclass(frozen=True, slots=True)
class Order:
    """Why an attempt has to end."""

    kind: OutcomeKind
    reason: str


class Orders:
    """What the campaign's folder asks of this attempt."""

    def __init__(
        self, assignment: Assignment, run: RunPaths, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.assignment = assignment
        self.run = run
        self.clock = clock
        self.seen_at = clock()

    def read(self) -> Order | None:
        """The order to end, or None to go on."""
        fence = read_number(self.run.fence)
        if fence is None:
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


class _Supervision:
    def __init__(
        self, assignment: Assignment, attempt: AttemptPaths, orders: Orders, devices: str | None
    ) -> None:
        self.assignment = assignment
        self.attempt = attempt
        self.orders = orders
        self.env = core_environment(assignment, attempt, devices)
        self.began = time.monotonic()

    def run(self) -> Outcome:
        adopt_orphans()
        mirror = self._start_mirror()
        with self.attempt.log.open("ab") as log:
            try:
                core = start_bound(
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
            if core.poll() is None:  # an exception of ours: never leave a core without its supervisor
                core.kill()
                core.wait()
            kill_marked(f"CAMPAIGN_RUN_DIR={self.attempt.root}".encode())
        last = self.orders.read()
        if last and last.kind == "fenced":
            order = last
        outcome = self._outcome(code, order)
        if mirror:
            _publish(self.attempt, outcome)  # the mirror ends when it sees the result
            self._wait_for(mirror)
        return outcome

    def _watch(self, waiter: Waiter) -> tuple[int, Order | None]:
        """Beat until the core has ended; its exit code, and the order that ended it, if any."""
        while True:
            code = waiter.wait(self.assignment.beat_s)
            if code is not None:
                return code, None
            self._beat()
            order = self.orders.read()
            if order:
                return self._end(waiter, order), order

    def _end(self, waiter: Waiter, order: Order) -> int:
        """SIGTERM, then after the time that this order allows SIGKILL."""
        patience = {
            "fenced": 0.0,  # the next attempt may be running: nothing here is worth a moment
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
        """The folder's time, by the filesystem's clock, is the sign of life."""
        try:
            os.utime(self.attempt.root)
        except OSError:
            return  # not readable either, soon: then `Orders` ends the attempt

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
                "epoch": self.assignment.epoch,
            },
            sync=False,
        )

    def _outcome(self, code: int, order: Order | None) -> Outcome:
        kind = outcome_kind(code, order)
        tail = log_tail(self.attempt.log) if kind in ("failed", "killed", "stopped") else ()
        signal_name = SIGNAL_NAMES.get(-code, f"signal {-code}") if code < 0 else ""
        reason = order.reason if order else ""
        if kind == "killed":
            reason = (
                f"ended by {signal_name} from outside" if signal_name else "was asked to stop from outside"
            )
        return Outcome(
            kind,
            self.assignment.number,
            exit_code=code if code >= 0 else None,
            signal=signal_name,
            seconds=round(time.monotonic() - self.began, 3),
            reason=reason,
            log_tail=tail[-TAIL_LINES:],
            traceback=last_traceback(tail) if kind == "failed" else "",
        )

    def _failure(self, reason: str) -> Outcome:
        return Outcome("failed", self.assignment.number, reason=reason)

    def _start_mirror(self) -> subprocess.Popen[bytes] | None:
        """W&B is a mirror: whatever goes wrong with it is written down and changes nothing."""
        if self.assignment.mirror is None:
            return None
        env = {**self.env, "CUDA_VISIBLE_DEVICES": ""}
        # `kill_marked` must not take it for a process that the core left behind
        env.pop("CAMPAIGN_RUN_DIR", None)
        command = [sys.executable, "-m", "campaign.metrics.mirror", str(self.attempt.root)]
        try:
            write_json(self.attempt.mirror, self.assignment.mirror, sync=False)
            with self.attempt.mirror_log.open("ab") as log:
                return start_bound(command, env=env, cwd=str(self.attempt.root), output=log)
        except (OSError, ValueError) as error:
            self._log(f"W&B mirror could not be started: {error}")
            return None

    def _wait_for(self, mirror: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + MIRROR_PATIENCE_S
        waiter = Waiter(mirror)
        try:
            code = None
            while code is None and time.monotonic() < deadline:
                code = waiter.wait(self.assignment.beat_s)
                self._beat()
            if code is None:
                mirror.kill()
                mirror.wait()
                self._log(f"W&B mirror did not finish within {MIRROR_PATIENCE_S:.0f} s and was ended")
            elif code:
                self._log(f"W&B mirror ended with {code}; see {self.attempt.mirror_log.name}")
        finally:
            waiter.close()

    def _log(self, message: str) -> None:
        with self.attempt.log.open("a", encoding="utf-8") as log:
            log.write(f"[campaign] {message}\n")


def outcome_kind(code: int, order: Order | None) -> OutcomeKind:
    """What an exit code means, given what was asked of the core. A core that finished anyway has finished."""
    if order and order.kind in ("fenced", "blind"):
        return order.kind
    if code == 0:
        return "finished"
    if order:
        return order.kind
    # Nobody here asked for it: a batch system's SIGTERM, the kernel's out-of-memory killer, a person.
    return "killed" if code in (CHECKPOINTED, -9, -15) else "failed"


def core_environment(
    assignment: Assignment, attempt: AttemptPaths, devices: str | None, base: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment of a core: that of the worker, without what Ray left in it, plus the run's own."""
    env = {name: value for name, value in base.items() if not name.startswith("RAY_")}
    if env.get("PYTHONBREAKPOINT", "").startswith("ray."):
        del env["PYTHONBREAKPOINT"]
    # `python` in a command is this Python, also where its folder was never put on the PATH.
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
    env["PYTHONUNBUFFERED"] = "1"
    env.update(assignment.env)
    env.update(
        CAMPAIGN_RUN_ID=assignment.run_id,
        CAMPAIGN_ATTEMPT=str(assignment.number),
        CAMPAIGN_RUN_DIR=str(attempt.root),
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
        # The folder is out of reach. The outcome still reaches the controller as the return value, or the
        # attempt counts as lost.
        sys.stderr.write(f"campaign: result of {attempt.root} not written: {error}\n")


def main() -> None:
    """`python -m campaign.execution.supervisor`: an assignment and its devices as JSON on stdin, the outcome
    as the last line of stdout."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the controller
    document: dict[str, Any] = json.loads(sys.stdin.read())
    outcome = supervise(Assignment.from_json(document["assignment"]), document["devices"])
    sys.stdout.write("\n" + json.dumps(outcome.to_json()) + "\n")


if __name__ == "__main__":
    main()
