"""A persona's memory: opened with the embedder there is, and kept in step with the archive it is made from."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

from chatclone.archive.archive import Archive
from chatclone.errors import ChatcloneError
from chatclone.personas.persona import Persona
from memory.embedding.embedder import AUTO, Embedder, EmbedderError, choose_model
from memory.embedding.embedder_process import EmbedderProcess
from memory.memory import Memory
from memory.passages import Line
from memory.store.database import StoreError

EMBEDDER_VARIABLE = "CHATCLONE_EMBEDDER"
"""Says which embedder to use, for all personas: `auto`, `none`, a folder or a hub id that is on this computer."""
Use = Literal["background", "now", "no"]
"""Whether memory searches by meaning: as soon as a thread has loaded the model, from the start, or not at all."""
Progress = Callable[[int, int], None]
"""Told how many passages are embedded, and of how many."""


def open_memory(persona: Persona, embedder: Use = "background") -> Memory:
    """Open the persona's memory, an empty one where there is none.

    In the background the model is loaded after the first screen, off the main thread, and what is not embedded yet
    is embedded at low priority.
    """
    if embedder == "no":
        return open_file(persona.memory_file)
    with open_file(persona.memory_file) as memory:
        model = choose_embedder(memory, background=embedder == "background")[0]
    return open_file(persona.memory_file, model, background=embedder == "background")


def open_file(path: Path, embedder: Embedder | None = None, *, background: bool = False) -> Memory:
    """Open the memory in `path`; a damaged file, or one of another version, is a ChatcloneError."""
    try:
        return Memory.open(path, embedder, background=background)
    except StoreError as error:
        raise ChatcloneError("{error}", "move {file} away and import again", error=str(error), file=path) from error


def choose_embedder(memory: Memory, *, background: bool = False) -> tuple[Embedder | None, str]:
    """Return the embedder for a memory, not loaded yet, or None for words alone, and the reason."""
    choice = os.environ.get(EMBEDDER_VARIABLE) or memory.embedder_choice or AUTO
    model, reason = choose_model(choice)
    if model is None:
        return None, reason
    name, folder = model
    return EmbedderProcess(folder, name, background=background), f"searching by meaning with {name}: {reason}"


def remember(persona: Persona, archive: Archive, progress: Callable[[int], None] = lambda through: None) -> int:
    """Bring memory in step with the archive and return how many passages it holds; `embed` is the slower half."""
    with open_memory(persona, "no") as memory:
        return memory.sync(_lines(archive), progress=progress).passages


def is_known(persona: Persona, memory: Memory, key: str) -> bool:
    """Tell whether there is a message with this key: in memory, or in the archive alone, as those without words."""
    if memory.knows(key):
        return True
    if not persona.archive_file.exists():
        return False
    platform, _, place = key.partition(":")
    chat, _, number = place.rpartition("/")
    with closing(Archive(persona.archive_file)) as archive:
        return archive.holds(platform, chat, number)


def embed(persona: Persona, seconds: float | None, progress: Progress = lambda done, total: None) -> str:
    """Embed what is new for so many seconds, as long as it takes with None, and say how far that came.

    Every batch stays when this is interrupted. Where there is no embedder the answer says why.
    """
    with open_memory(persona, "no") as memory:
        model, reason = choose_embedder(memory)
    if model is None:
        return reason
    with open_file(persona.memory_file, model) as memory:
        try:
            left = memory.embed(seconds, progress)
        except EmbedderError as error:
            return str(error)
        done = memory.coverage().embedded
    if left:
        return f"{done:,} passages embedded; {left:,} more while you chat, or now: chatclone memory embed"
    return f"{reason}; all {done:,} passages embedded"


def _lines(archive: Archive) -> Iterator[Line]:
    people = {platform: archive.people(platform) for platform in archive.platforms()}
    for platform, chat in archive.chats():
        key, name = f"{platform}:{chat.id}", chat.name
        # [call 0:22] says nothing, and would answer what a cat is called.
        for number, sent_at, offset, sender, content in archive.texts(platform, chat.id):
            yield Line(f"{key}/{number}", key, name, people[platform][sender].name, sent_at, content, offset)
