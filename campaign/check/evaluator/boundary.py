"""The boundary between checked files, whose imports are evaluated, and external modules."""

from __future__ import annotations

import fnmatch
import os.path


class Boundary:
    """Which modules are evaluated: those in `follow`, or else those in the folders of the targets."""

    def __init__(
        self, root: str, follow: tuple[str, ...], folders: tuple[str, ...], everything: bool = False
    ) -> None:
        self.root = root
        self.follow = follow
        self.folders = set(folders)
        self.everything = everything

    def holds(self, path: str, relative: bool) -> bool:
        inside = os.path.relpath(path, self.root)
        if inside.startswith(".."):
            return False
        if self.everything:
            return True
        if self.follow:
            return any(
                fnmatch.fnmatch(inside, glob) or fnmatch.fnmatch(inside, f"{glob}/*") for glob in self.follow
            )
        folder = os.path.dirname(path)
        # A relative import stays in the project of the file that has it, so its folder belongs to the project as well.
        if relative:
            self.folders.add(folder)
        return any(folder == inner or folder.startswith(inner + os.sep) for inner in self.folders)
