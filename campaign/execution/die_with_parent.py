"""Starts a program that cannot outlive the one that started it: `python -I -S die_with_parent.py PARENT_PID PROGRAM
ARGS...`.

A file of its own, run by path, because this must happen in the child before its program begins: between fork
and exec no Python may run safely in a process with threads, and a Ray worker has many.
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
    if os.getppid() != parent:  # it died before the line above could bind us to it
        os._exit(PARENT_GONE)
    # Ray blocks SIGINT in all its processes and this would be inherited; and a Ctrl-C reaches every process
    # of the terminal's group, but only the controller decides what it means.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(program[0], program)
    except OSError as error:
        sys.stderr.write(f"cannot start {program[0]!r}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(CANNOT_START)


main()
