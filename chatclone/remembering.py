"""A persona's memory: opened, and kept in step with the archive it is made from."""

from collections.abc import Iterator

from chatclone.archive import Archive
from chatclone.errors import ChatcloneError
from chatclone.persona import Persona
from importers.message import Person
from memory.memory import Memory
from memory.passages import Line
from memory.store import StoreError


def open_memory(persona: Persona) -> Memory:
    """Open the persona's memory, an empty one where there is none."""
    try:
        return Memory.open(persona.memory_file)
    except StoreError as error:
        raise ChatcloneError(str(error), f"move {persona.memory_file} away and import again") from error


def remember(persona: Persona, archive: Archive) -> int:
    """Bring memory in step with the archive and return how many passages it holds."""
    people = archive.people()
    with open_memory(persona) as memory:
        return memory.sync(_lines(archive, people)).passages


def _lines(archive: Archive, people: dict[str, Person]) -> Iterator[Line]:
    for platform, chat in archive.chats():
        for m in archive.messages(platform, chat.id):
            if m.content:
                who = people[m.sender].name
                key = f"{platform}:{m.chat}"
                yield Line(f"{key}/{m.id}", key, chat.name, who, m.sent_at, m.content)
