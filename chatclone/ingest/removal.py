"""Forgetting a person or a chat: out of archive, data set, memory and conversations, with a tombstone."""

import json
from typing import Any

from chatclone.archive.archive import Archive
from chatclone.conversations.recalled_lines import forget_recalled, said_by, said_in
from chatclone.errors import ChatcloneError
from chatclone.ingest.dataset_files import (
    chats_of,
    is_called,
    make_data_set,
    partners_of,
    summary,
    write_data_set,
)
from chatclone.personas.persona import Persona
from chatclone.recall.persona_memory import open_memory, remember
from importers import owner
from importers.message import Chat
from importers.source import ImportFailure

GONE = "(forgotten)"
"""Stands in a data set's options for the chats it was limited to, once all of them are forgotten."""


def forget(persona: Persona, *, person: str = "", chat: str = "") -> dict[str, Any]:
    """Remove a person or a chat, by name or id, from archive, data set, memory and recalled lines, with a tombstone.

    The archive is changed last, so that an interrupted forgetting can be done again. Returns how many messages are
    gone, what is left to learn from, and the adapters that were trained before.
    """
    archive = Archive(persona.archive_file)
    try:
        with archive.transaction():
            who = _person(archive, persona, person) if person else ""
            what = _chat(archive, chat) if chat else None
            names = _names(archive, who, what)
            gone = archive.forget(chat=what.id if what else "", person=who)
            persona = persona.update(partners=partners_of(archive, archive.people(), next(iter(persona.ids.values()))))
            replies = _make_again(archive, persona, names)
            remember(persona, archive)
        archive.compact()
        with open_memory(persona, "no") as memory:
            memory.compact()
        said = said_in([what.name]) if what else said_by(sorted(names - {who}))
        forget_recalled(persona.chats_file, persona.dataset_folder, said)
    except ImportFailure as failure:
        raise ChatcloneError(failure.templates[0], failure.templates[1], **failure.values) from failure
    finally:
        archive.close()
    adapters = [p.parent.name for p in sorted(persona.runs_folder.glob("*/adapter"))]
    return {"forgotten": gone, "replies": replies, "adapters": adapters}


def _person(archive: Archive, persona: Persona, wanted: str) -> str:
    found = owner.resolve(wanted, archive.people(), archive.counts()).id
    if found in persona.ids.values():
        raise ChatcloneError(f"that is {persona.name}", f"chatclone persona delete {persona.slug}")
    return found


def _chat(archive: Archive, wanted: str) -> Chat:
    """Return the chat with this id, else the only one with this name."""
    chats = [chat for _, chat in archive.chats()]
    found = [c for c in chats if c.id == wanted] or [c for c in chats if c.name.casefold() == wanted.casefold()]
    if not found:
        listed = f"there is {', '.join(c.name for c in chats[:20])}" if chats else "nothing is left to forget"
        raise ChatcloneError("there is no such chat", listed)
    if len(found) > 1:
        raise ChatcloneError(
            f"{len(found)} chats are called {wanted}", f"name one by its id: {', '.join(c.id for c in found[:20])}"
        )
    return found[0]


def _names(archive: Archive, who: str, what: Chat | None) -> set[str]:
    """Return the ids and names that are to be found nowhere any more."""
    if what is not None:
        return {what.id, what.name}
    people = archive.people()
    return {who} | ({people[who].name} if who in people else set())


def _make_again(archive: Archive, persona: Persona, names: set[str]) -> dict[str, Any]:
    """Make the data set again from what is left, as it was asked for, and return the account of its replies."""
    stored = json.loads((persona.dataset_folder / "report.json").read_text("utf-8"))
    options = dict(stored["options"])
    there = [chat for _, chat in archive.chats()]
    left = [typed for typed in options["chats"] if typed not in names and any(is_called(c, typed) for c in there)]
    # An empty list means all chats; when the ones asked for are gone there are none, now and next time.
    chats = iter(()) if options["chats"] and not left else chats_of(archive, left)
    options["chats"] = left or [GONE for _ in options["chats"][:1]]
    data_set = make_data_set(archive, chats, next(iter(persona.ids.values())), options)
    before = stored["import"]
    kept = {key: [line for line in before[key] if not _names_any(line, names)] for key in ("warnings", "repairs")}
    document = {**before, **kept, **summary(data_set)}
    whose = before["owner"]
    if whose and whose["id"] != before["persona"]["id"] and names & {whose["id"], whose["name"]}:
        document["owner"] = None
    write_data_set(persona, data_set, document, options)
    replies: dict[str, Any] = document["replies"]
    return replies


def _names_any(line: str, names: set[str]) -> bool:
    return any(name in line for name in names if name)
