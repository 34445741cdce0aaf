"""What is known about external functions by name: which are nondeterministic, read files or inspect code."""

from __future__ import annotations

import sys
from functools import cache

from campaign.check.values import Origin
from campaign.check.values.limits import Halt

NONDETERMINISTIC = (
    "random.", "secrets.", "uuid.", "time.", "datetime.datetime.now", "datetime.datetime.utcnow",
    "datetime.datetime.today", "datetime.date.today", "os.urandom", "os.getpid", "os.times", "tempfile.",
    "numpy.random.", "torch.rand", "torch.randn", "torch.randint", "torch.randperm", "threading.get_ident",
    "id", "hash", "object", "socket.socket", "multiprocessing.current_process", "torch.initial_seed", "torch.seed",
)  # fmt: skip
"""Names, or prefixes that end with a dot, of functions whose result differs between runs."""
SEEDS = ("random.seed", "numpy.random.seed", "torch.manual_seed", "time.sleep", "time.tzset")
"""Exceptions to `NONDETERMINISTIC`: they are called for their effect and return None."""
READS_FILES = ("os.listdir", "os.scandir", "os.walk", "glob.", "io.open", "open", "linecache.", "fileinput.")
FILE_METHODS = frozenset(
    {"read_text", "read_bytes", "open", "glob", "iterdir", "rglob", "walk", "stat", "readlink"}
)
INSPECTS_CODE = (
    "inspect.", "dis.", "ast.", "typing.get_", "typing_extensions.get_", "pickle.", "marshal.", "pydoc.", "doctest.",
    "traceback.", "linecache.", "symtable.", "trace.", "weakref.", "gc.", "reprlib.", "pprint.",
)  # fmt: skip
INTERPRETER_STATE = frozenset(
    {"sys.modules", "sys.meta_path", "sys.path_hooks", "gc.get_referents", "builtins.__dict__"}
)


def _is_listed(name: str, listed: tuple[str, ...]) -> bool:
    return any(name == entry or (entry.endswith(".") and name.startswith(entry)) for entry in listed)


@cache
def is_nondeterministic(name: str) -> bool:
    return name not in SEEDS and _is_listed(name, NONDETERMINISTIC)


@cache
def reads_files(name: str) -> bool:
    return _is_listed(name, READS_FILES)


@cache
def inspects_code(name: str) -> bool:
    """Whether a function can see more of an own function than its behaviour: source, names, annotations."""
    return name.startswith(INSPECTS_CODE) and not name.startswith("inspect.is")


@cache
def is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def refuse_interpreter_state(full: str, at: Origin) -> None:
    # These objects give access to every module and object, around the names that the evaluator tracks.
    if full in INTERPRETER_STATE:
        raise Halt(f"the code reads {full}, which is not modelled", at, "import what is needed by name")
