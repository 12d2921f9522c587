"""Which file a person means when they save a conversation."""

import re
from pathlib import Path

from chatclone.chats.transfer import Kind
from chatclone.errors import ChatcloneError

_NO_NAME = re.compile(r"[^\w]+")
_KINDS: dict[str, Kind] = {".md": "markdown", ".markdown": "markdown", ".json": "json"}


def file_for(title: str, name: str) -> Path:
    """Return the file that a name means, within a folder one called after the title; never one that is there."""
    path = Path(name).expanduser().absolute()
    if path.is_dir():
        path /= f"{_NO_NAME.sub('-', title).strip('-').lower() or 'chat'}.md"
    if path.suffix.casefold() not in _KINDS:
        raise ChatcloneError(f"{path.name} says no format", "end the name with .md or .json")
    if path.exists():
        raise ChatcloneError(f"{path} is there already", "choose another name")
    return path


def kind_of(path: Path) -> Kind:
    """Return the format that a file's name says."""
    return _KINDS[path.suffix.casefold()]
