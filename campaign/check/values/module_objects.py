"""Modules of the checked files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from campaign.check.values.scope import Scope


class ModuleObj:
    """A module of the checked files."""

    __slots__ = ("display_path", "imported", "name", "package", "path", "postpones_annotations", "scope")

    def __init__(self, name: str, path: str, display_path: str, package: str) -> None:
        self.name = name
        self.path = path
        self.display_path = display_path
        """The path as messages print it."""
        self.package = package
        """Folder that relative imports start from."""
        self.scope: Scope = None  # type: ignore[assignment]
        self.postpones_annotations = False
        """Annotations are not evaluated (`from __future__ import annotations`)."""
        self.imported: set[str] = set()
        """Names bound by an import of a module, or of an external name."""
