"""Paths as people give them to a text field: typed, pasted in quotes, or dropped onto the terminal, one or several."""

import shlex
from pathlib import Path
from urllib.parse import unquote, urlsplit


def read_paths(text: str) -> list[Path]:
    """Return the paths that a text names; a file that exists by the whole text is one, whatever is in its name."""
    text = text.strip()
    whole = _path(text)
    if not text or whole.exists():
        return [whole] if text else []
    return [_path(part) for part in _split(text)]


def _split(text: str) -> list[str]:
    """Split as a shell does: terminals quote or escape what is dropped; a lone quote is part of a name."""
    if "\\" in text and ":" in text[:3]:  # a Windows path, in which a backslash parts folders
        return [text.strip("\"'")]
    try:
        return [part for line in text.splitlines() for part in shlex.split(line)]
    except ValueError:
        return [text.strip("\"'")]


def _path(text: str) -> Path:
    if text.startswith("file://"):
        return Path(unquote(urlsplit(text).path))
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return Path(text).expanduser()
