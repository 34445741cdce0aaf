"""Reads the `config` of conditions that are Python files.

How a file is read is the caller's choice. `executed_modules` executes each file once, in a separate process, because
a file is user code: nothing that it imports, sets or breaks affects the planner or another file, whose modules may
have the same names. The processes are forked from one Python process, because starting an interpreter for each file
would be slow. `campaign.check.evaluated_conditions` reads the same files without executing them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from campaign.spec.positions import TomlPath
from campaign.spec.problems import Problems

TIMEOUT_S = 120.0
"""Time limit for all modules of a campaign together."""

ModuleReader = Callable[[Sequence[Path]], Sequence[dict[str, Any]]]
"""Absolute paths -> one answer each: `config`, or `error` with the `line` (or None) and optionally a `hint`."""

_RUNNER = r"""
import dataclasses, importlib, json, os, runpy, sys
from collections.abc import Mapping

def to_json(value, path="config"):
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_json(v, f"{path}.{k}") for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [to_json(v, f"{path}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, (bool, int, float, str)):
        return value
    legal = "a dictionary, list, string, number or boolean"
    raise TypeError(f"{path} is of type {type(value).__name__}, and must be {legal}")

def is_package(folder):
    return os.path.exists(os.path.join(folder, "__init__.py"))

def full_name(path):
    folder, name = os.path.dirname(path), os.path.splitext(os.path.basename(path))[0]
    while is_package(folder):
        folder, package = os.path.split(folder)
        name = f"{package}.{name}"
    return folder, name

def load_config(path):
    if is_package(os.path.dirname(path)):
        folder, name = full_name(path)
        sys.path.insert(0, folder)
        names = vars(importlib.import_module(name))
    else:
        sys.path.insert(0, os.path.dirname(path))
        names = runpy.run_path(path)
    if "config" not in names:
        raise NameError("the file does not set `config`")
    return to_json(names["config"])

def error_line(error, path):
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno
    line, trace = None, error.__traceback__
    while trace:  # the last frame of the file itself, not of what it calls
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line

def answer(path):
    try:
        return {"config": load_config(path)}
    except (Exception, SystemExit) as error:
        return {"error": f"{type(error).__name__}: {error}", "line": error_line(error, path)}

def answer_of_child(path):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(2, 1)  # stdout carries the answers: what the file prints goes to stderr
        with open(writing, "w", encoding="utf-8") as pipe:
            pipe.write(json.dumps(answer(path)))
        os._exit(0)  # without the file's atexit handlers and threads
    os.close(writing)
    # Read to the end before waiting: a child whose answer fills the pipe would never exit.
    with open(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status or not text:
        how = f"was killed by signal {-status}" if status < 0 else f"exited with code {status}"
        return {"error": f"its process {how}", "line": None}
    return json.loads(text)

files = json.load(sys.stdin)
print(json.dumps([answer_of_child(path) for path in files]))
"""


def module_configs(
    modules: dict[TomlPath, str], folder: Path, problems: Problems, read_modules: ModuleReader
) -> dict[TomlPath, dict[str, Any]]:
    """The `config` of each module, by the path in the document that names it; failures are reported."""
    files: dict[TomlPath, Path] = {}
    for at, name in modules.items():
        file = Path(os.path.abspath(folder / name))
        if os.path.isfile(file):
            files[at] = file
        else:
            problems.at_value(at, f"no such file: {name}", f"looked for {file}", field="")
    if not files:
        return {}
    configs = {}
    for at, answer in zip(files, read_modules(list(files.values())), strict=True):
        if "error" in answer:
            line = f":{answer['line']}" if answer["line"] else ""
            message = f"{modules[at]}{line} cannot be loaded: {answer['error']}"
            problems.at_value(at, message, answer.get("hint", ""), field="")
        elif not isinstance(answer["config"], dict):
            message = f"{modules[at]}: `config` must be a dictionary or a dataclass instance"
            problems.at_value(at, message, field="")
        else:
            configs[at] = answer["config"]
    return configs


def executed_modules(files: Sequence[Path]) -> Sequence[dict[str, Any]]:
    """Executes each file in a separate process; a `ModuleReader`.

    A file inside a package (a folder with `__init__.py`) is imported by its full name, so that its relative
    imports work; any other file is executed like a script, with its folder first on `sys.path`.
    """
    answers = _run(files)
    return [{"error": answers, "line": None}] * len(files) if isinstance(answers, str) else answers


def _run(files: Sequence[Path]) -> list[dict[str, Any]] | str:
    """One answer for each file, or the reason for its absence."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _RUNNER],
            input=json.dumps([str(file) for file in files]),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the modules did not finish within {TIMEOUT_S:g} s"
    try:
        answers: list[dict[str, Any]] = json.loads(done.stdout)
    except ValueError:
        last_line = done.stderr.strip().splitlines()[-1:]
        return last_line[0] if last_line else f"the process exited with code {done.returncode}"
    return answers
