"""Imports a mutant; the home must be unchanged if the import is refused."""

import hashlib
import shutil
from pathlib import Path

from chatclone.archive.archive import Archive
from chatclone.errors import ChatcloneError
from chatclone.ingest.import_run import Request, ingest
from tools.fuzz.mutants import original

SLUG = "mira"


class PartialImport(Exception):
    """A refused import changed the home, or the counts of an import do not add up."""


def import_into(path: Path, folder: Path, *, known: bool) -> str:
    """Import a mutant into an empty home, or into a copy of one that holds a persona, and return the outcome."""
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    if known:
        shutil.copytree(_home_with_persona(folder), home)
    before = _state(home)
    try:
        done = ingest(Request([path], me="user1"), home, SLUG)
    except ChatcloneError as error:
        if not error.hint:
            raise PartialImport(f"an error without a hint: {error.message}") from None
        if _state(home) != before:
            raise PartialImport(f"changed by a refused import: {set(_state(home)) ^ set(before)}") from None
        return "import refused"
    messages = done.document["messages"]
    if messages["read"] != messages["duplicates"] + sum(messages["dropped"].values()) + messages["kept"]:
        raise PartialImport(f"the counts do not add up: {messages}")
    return "imported"


def _home_with_persona(folder: Path) -> Path:
    home = folder / "home-before"
    if not home.exists():
        export = folder / "original.json"
        export.write_text(original(), "utf-8")
        ingest(Request([export], me="user1"), home, SLUG)
    return home


def _state(home: Path) -> dict[str, object]:
    """Return the state of a home: hashes of its files, and the messages of an archive."""
    state: dict[str, object] = {}
    for path in sorted(home.rglob("*")) if home.exists() else ():
        if path.name == "archive.sqlite":
            state[str(path)] = _messages(path)
        elif path.is_file() and not path.name.endswith(("-wal", "-shm", ".log")):
            state[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return state


def _messages(path: Path) -> list[object]:
    archive = Archive(path)
    try:
        return [list(archive.messages(platform, chat.id)) for platform, chat in archive.chats()]
    finally:
        archive.close()
