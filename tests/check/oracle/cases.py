"""Hand-written pairs: `traps/` must never be proven, `twins/` must be.

A case is one text file: a line that says what it is about, lines such as `# entry: mmengine`, and the files
of its workspace, each after a line `### name`. Both sides are run in processes of their own, with different
hash seeds, so that what changes from process to process is seen to change.
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path as FilePath

from .execution import ENVIRONMENTS, Outcome, execute
from .tree import Path, differences, outside

HERE = FilePath(__file__).parent
SIDES = ("reference", "variant")


@dataclass(frozen=True)
class Case:
    name: str
    about: str
    files: dict[str, str]
    options: dict[str, str] = field(default_factory=dict)

    def target(self, side: str) -> str:
        path = next(path for path in self.files if path.startswith(f"{side}."))
        return path + self.options.get("target", "")

    @property
    def entry(self) -> str:
        document = next(iter(self.files)).endswith((".toml", ".yaml"))
        return self.options.get("entry", "" if document else "names:config")

    def patterns(self, option: str) -> tuple[str, ...]:
        default = "alpha" if option == "under_test" else ""
        return tuple(self.options.get(option, default).replace(",", " ").split())

    @property
    def beyond(self) -> bool:
        """True when no run can show the difference, as for the identity of equal integers."""
        return "beyond" in self.options


def load(folder: str) -> list[Case]:
    return [_parse(path) for path in sorted((HERE / folder).glob("*.txt"))]


def _parse(path: FilePath) -> Case:
    head, *sections = re.split(r"^### (\S+)\n", path.read_text(), flags=re.M)
    about, *options = head.strip().split("\n")
    files = dict(zip(sections[::2], sections[1::2], strict=True))
    pairs = (line.removeprefix("# ").partition(": ") for line in options)
    return Case(path.stem, about.removeprefix("# "), files, {name: value for name, _, value in pairs})


def run_side(folder: str, side: str) -> dict[str, list[Outcome]]:
    """All cases of a folder, one side of each, in every environment."""
    return {
        case.name: [execute(case.files, case.target(side), case.entry, world) for world in ENVIRONMENTS]
        for case in load(folder)
    }


@lru_cache(maxsize=2)
def separations(folder: str) -> dict[str, list[tuple[str, Path]]]:
    """For each case the places where its two sides differ outside what it declares."""
    outcomes = {side: _in_own_process(folder, side, seed) for seed, side in enumerate(SIDES, start=1)}
    result: dict[str, list[tuple[str, Path]]] = {}
    for case in load(folder):
        found: list[tuple[str, Path]] = []
        worlds = zip(ENVIRONMENTS, *(outcomes[side][case.name] for side in SIDES), strict=True)
        for world, reference, variant in worlds:
            paths = outside(differences(reference.whole(), variant.whole()), _allowed(case, reference))
            found += [(world.name, path) for path in paths]
        result[case.name] = found
    return result


def _allowed(case: Case, outcome: Outcome) -> list[Path]:
    """The declared fields as paths of the tree; `Type.field` means the field of the outermost such object."""
    allowed: list[Path] = []
    for pattern in (*case.patterns("under_test"), *case.patterns("labels"), *case.patterns("derived_ok")):
        head, _, leaf = pattern.rpartition(".")
        anchored = [
            key for key, child in outcome.tree[2].items() if child[1].rpartition(".")[2] == head and head
        ]
        allowed.append((anchored[0], leaf) if anchored else tuple(pattern.split(".")))
    return allowed


def _in_own_process(folder: str, side: str, seed: int) -> dict[str, list[Outcome]]:
    program = (
        f"import sys, pickle; sys.path.insert(0, {str(HERE.parent)!r});"
        f"from {HERE.name}.cases import run_side;"
        f"sys.stdout.buffer.write(pickle.dumps(run_side({folder!r}, {side!r})))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment,
        check=True,
        capture_output=True,
        timeout=120,
    )
    # The child calls this package `oracle`, whatever it is called here.
    sys.modules.setdefault(f"{HERE.name}", sys.modules[__package__])
    sys.modules.setdefault(f"{HERE.name}.execution", sys.modules[f"{__package__}.execution"])
    outcomes: dict[str, list[Outcome]] = pickle.loads(finished.stdout)
    return outcomes
