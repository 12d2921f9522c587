"""The data set's files, which are made from the archive and can be made again."""

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
