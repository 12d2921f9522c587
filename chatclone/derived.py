"""What is made from the archive and can be made again: the data set's files and the memory."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from chatclone.archive import Archive
from chatclone.errors import ChatcloneError
from chatclone.files import replacing, write_atomically
from chatclone.locations import ensure
from chatclone.persona import Persona
from importers.dataset import DataSet
from importers.message import Chat, Message, Person
from memory.memory import Memory
from memory.passages import Line
from memory.store import StoreError


def chats_of(archive: Archive, wanted: Sequence[str]) -> Iterator[tuple[Chat, Iterator[Message]]]:
    """Yield the chats to learn from with their messages; `wanted` are ids or names, none means all."""
    chats = archive.chats()
    if unknown := [w for w in wanted if not any(w in (chat.id, chat.name) for _, chat in chats)]:
        raise ChatcloneError(
            f"there is no chat {', '.join(unknown)}",
            f"there is {', '.join(chat.name for _, chat in chats[:20])}",
        )
    for platform, chat in chats:
        if not wanted or chat.id in wanted or chat.name in wanted:
            yield chat, archive.messages(platform, chat.id)


def partners_of(archive: Archive, people: dict[str, Person]) -> tuple[str, ...]:
    """Return the names of those the person wrote with in personal chats, most messages first."""
    chats = [chat for _, chat in archive.chats() if chat.kind == "personal"]
    return tuple(dict.fromkeys(people[chat.id].name if chat.id in people else chat.name for chat in chats))


def summary(data_set: DataSet) -> dict[str, Any]:
    """Return the part of contract.md's `import --json` that tells of the data set."""
    report = data_set.report.to_dict()
    return {key: report[key] for key in ("replies", "sessions", "split")}


def write_data_set(persona: Persona, data_set: DataSet, document: dict[str, Any], options: dict[str, Any]) -> None:
    """Write both parts and the report, with the options that would make them again."""
    folder = ensure(persona.dataset_folder)
    for name, examples in (("train", data_set.train), ("eval", data_set.eval)):
        with replacing(folder / f"{name}.jsonl") as file:
            for example in examples:
                file.write((json.dumps(example.line(), ensure_ascii=False) + "\n").encode("utf-8", "replace"))
    report = {"import": document, "data": data_set.report.to_dict(), "options": options}
    write_atomically(folder / "report.json", json.dumps(report, ensure_ascii=False, indent=1))


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
