"""Folders and the files that may be a chat export, nothing else."""

from collections.abc import Iterable
from pathlib import Path

from textual.widgets import DirectoryTree

SUFFIXES = {".json", ".zip", ".html", ".htm"}


class ExportTree(DirectoryTree):
    """A tree of folders with .json, .zip and .html files; what begins with a dot stays out of sight."""

    ICON_NODE, ICON_NODE_EXPANDED, ICON_FILE = "▸ ", "▾ ", "  "

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Leave out what cannot be an export."""
        return [path for path in paths if not path.name.startswith(".") and _may_be(path)]


def _may_be(path: Path) -> bool:
    try:
        return path.suffix.lower() in SUFFIXES or path.is_dir()
    except OSError:  # such as a link in a circle
        return False
