"""The boundary between checked files, whose imports are evaluated, and external modules."""

from __future__ import annotations

import fnmatch
import os.path


class Boundary:
    """Which files' imports are evaluated: those in `follow`, or in the folders of the targets."""

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
        if relative:
            self.folders.add(os.path.dirname(path))
            return True
        folder = os.path.dirname(path)
        return any(folder == known or folder.startswith(known + os.sep) for known in self.folders)
