"""Conditions that are Python files: their `config`, as one run of each file gives it.

A file is the user's own code, so it runs in a process of its own: nothing it imports, sets or breaks reaches
the planner or another file, whose modules may have the same names. The processes are forked from one Python
that has just started, because that start is what costs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from campaign.spec.positions import TomlPath
from campaign.spec.problems import Findings

TIMEOUT_S = 120.0
"""Seconds for all modules of a campaign together."""

_RUNNER = r"""
import dataclasses, importlib, json, os, runpy, sys
from collections.abc import Mapping

def plain(value, path="config"):
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v, f"{path}.{k}") for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [plain(v, f"{path}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{path} is {type(value).__name__}: only tables, lists, text, numbers and true/false")

def names(path):
    folder, stem = os.path.dirname(path), os.path.splitext(os.path.basename(path))[0]
    if not os.path.exists(os.path.join(folder, "__init__.py")):
        return None
    parts = [stem]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        parts.insert(0, os.path.basename(folder))
        folder = os.path.dirname(folder)
    return folder, ".".join(parts)

def load(path):
    package = names(path)
    sys.path.insert(0, package[0] if package else os.path.dirname(path))
    space = vars(importlib.import_module(package[1])) if package else runpy.run_path(path)
    if "config" not in space:
        raise NameError("it sets no `config`")
    return plain(space["config"])

def where(error, path):
    at = None
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == path:
            at = trace.tb_lineno
        trace = trace.tb_next
    return error.lineno if isinstance(error, SyntaxError) and error.filename == path else at

def answer(path):
    try:
        return {"config": load(path)}
    except (Exception, SystemExit) as error:
        return {"error": f"{type(error).__name__}: {error}", "line": where(error, path)}

def asked(path):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(2, 1)  # what the file prints is no answer
        with open(writing, "w", encoding="utf-8") as out:
            out.write(json.dumps(answer(path)))
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as answers:
        text = answers.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status or not text:
        ended = f"was killed by signal {-status}" if status < 0 else f"ended with {status}"
        return {"error": f"its process {ended}", "line": None}
    return json.loads(text)

files = json.load(sys.stdin)
print(json.dumps([asked(path) for path in files]))
"""


def module_configs(
    wanted: dict[TomlPath, str], folder: Path, findings: Findings
) -> dict[TomlPath, dict[str, Any]]:
    """The `config` of each wanted file, by the place in the spec that names it; what fails is reported.

    A file inside a package (a folder with `__init__.py`) is imported under its full name, so that its
    relative imports work; any other file runs as a script does, with its own folder first on the path.
    """
    files = {at: Path(os.path.abspath(folder / name)) for at, name in wanted.items()}
    missing = {at for at, file in files.items() if not os.path.isfile(file)}
    for at in missing:
        findings.at_value(at, f"no such file: {wanted[at]}", f"relative to {folder or '.'}", field="")
    asked = {at: file for at, file in files.items() if at not in missing}
    if not asked:
        return {}
    answers = _run(list(asked.values()))
    if isinstance(answers, str):
        for at in asked:
            findings.at_value(at, f"{wanted[at]} cannot be loaded: {answers}", field="")
        return {}
    configs = {}
    for at, answer in zip(asked, answers, strict=True):
        if "error" in answer:
            line = f":{answer['line']}" if answer["line"] else ""
            findings.at_value(at, f"{wanted[at]}{line} cannot be loaded: {answer['error']}", field="")
        elif not isinstance(answer["config"], dict):
            findings.at_value(at, f"{wanted[at]}: `config` is no table", field="")
        else:
            configs[at] = answer["config"]
    return configs


def _run(files: list[Path]) -> list[dict[str, Any]] | str:
    """One answer for each file, or why there is none."""
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
        return f"no answer within {TIMEOUT_S:g} s"
    try:
        answers: list[dict[str, Any]] = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or [f"the process ended with {done.returncode}"]
        return last[0]
    return answers
