"""Executes a program that cannot outlive the process that started it:
`python -I -S die_with_parent.py PARENT_PID PROGRAM ARGS...`

This is a separate file, executed by path, because it must run in the child before the program begins. A
`preexec_fn` cannot do it: between fork and exec, no Python may run safely in a process with threads, and a Ray
worker has many.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT_GONE = 76
CANNOT_START = 127


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The kernel sends the signal only for a death after prctl. If the parent died before, this process has been
    # given to another parent, which shows here.
    if os.getppid() != parent:
        os._exit(PARENT_GONE)
    # A signal mask and ignored signals survive exec. Ray blocks SIGINT in all its processes, so the mask is
    # cleared. A Ctrl-C reaches every process of the terminal's group, but only the controller decides what it
    # means, so SIGINT is ignored; and so is SIGHUP, which comes when the terminal is closed. Python ignores SIGPIPE,
    # which programs do not expect.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(program[0], program)
    except OSError as error:
        sys.stderr.write(f"cannot start {program[0]!r}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(CANNOT_START)


main()
