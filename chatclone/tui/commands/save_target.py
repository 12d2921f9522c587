"""Which file a person means when they save a conversation."""

import re
from pathlib import Path

from chatclone.conversations.file_formats import Kind
from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import tr, trn

_NO_NAME = re.compile(r"[^\w]+")
_KINDS: dict[str, Kind] = {".md": "markdown", ".markdown": "markdown", ".json": "json"}


def file_for(title: str, name: str) -> Path:
    """Return the file that a name means, within a folder one called after the title; never one that is there."""
    path = Path(name).expanduser().absolute()
    if path.is_dir():
        path /= f"{_NO_NAME.sub('-', title).strip('-').lower() or 'chat'}.md"
    if path.suffix.casefold() not in _KINDS:
        raise ChatcloneError(tr("{name} says no format", name=path.name), tr("end the name with .md or .json"))
    if path.exists():
        raise ChatcloneError(tr("{path} is there already", path=path), tr("choose another name"))
    return path


def unwritable(name: str, error: OSError) -> ChatcloneError:
    """Return what to say of a file that cannot be written."""
    what = tr("{name} cannot be written: {why}", name=name, why=error.strerror)
    return ChatcloneError(what, tr("name a folder of yours"))


def unreadable(name: str, error: OSError) -> ChatcloneError:
    """Return what to say of a file that cannot be read."""
    what = tr("{name} cannot be read: {why}", name=name, why=error.strerror)
    return ChatcloneError(what, tr("name a file, such as chat.md"))


def loaded(added: int, found: int) -> str:
    """Return how many of the conversations in a file were added, and how many were here already."""
    text = trn("{count} added", "{count} added", added)
    here = found - added
    return f"{text}, {trn('{count} was here already', '{count} were here already', here)}" if here else text


def kind_of(path: Path) -> Kind:
    """Return the format that a file's name says."""
    return _KINDS[path.suffix.casefold()]
