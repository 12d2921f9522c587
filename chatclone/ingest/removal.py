"""Forgetting a person or a chat: out of archive, data set, memory and conversations, with a tombstone."""

from typing import Any

import msgspec

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
from chatclone.ingest.stored_report import read_report
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
            who, what = "", None
            if person:
                platforms, who = _person(archive, persona, person)
            else:
                platform, what = _chat(archive, chat)
                platforms = [platform]
            names = _names(archive, who, what)
            gone = sum(archive.forget(p, chat=what.id if what else "", person=who) for p in platforms)
            persona = persona.update(partners=partners_of(archive, next(iter(persona.ids.values()))))
            replies = _make_again(archive, persona, names)
            remember(persona, archive)
            said = said_in([what.name]) if what else said_by(sorted(names - {who}))
            forget_recalled(persona.chats_file, persona.dataset_folder, said)
        archive.compact()
        with open_memory(persona, "no") as memory:
            memory.compact()
    except ImportFailure as failure:
        raise ChatcloneError(failure.templates[0], failure.templates[1], **failure.values) from failure
    finally:
        archive.close()
    adapters = [p.parent.name for p in sorted(persona.runs_folder.glob("*/adapter"))]
    return {"forgotten": gone, "replies": replies, "adapters": adapters}


def _person(archive: Archive, persona: Persona, wanted: str) -> tuple[list[str], str]:
    """Return the id of the person meant, and the platforms where it is theirs and not somebody else's."""
    found = owner.resolve(wanted, archive.people(), archive.counts())
    if found.id in persona.ids.values():
        raise ChatcloneError(
            "{name} is the person cloned", "chatclone persona delete {slug}", name=persona.name, slug=persona.slug
        )
    return [p for p in archive.platforms() if archive.people(p).get(found.id) == found], found.id


def _chat(archive: Archive, wanted: str) -> tuple[str, Chat]:
    """Return the platform and the chat with this id, else the only chat with this name."""
    chats = archive.chats()
    found = [c for c in chats if c[1].id == wanted] or [c for c in chats if is_called(c[1], wanted)]
    if not found:
        hint = "choose one of: {chats}" if chats else "nothing is left to forget"
        raise ChatcloneError("there is no such chat", hint, chats=", ".join(c.name for _, c in chats[:20]))
    if len(found) > 1:
        raise ChatcloneError(
            "{count} chats are called {name}",
            "name one by its id: {ids}",
            count=len(found),
            name=wanted,
            ids=", ".join(c.id for _, c in found[:20]),
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
    stored = read_report(persona.dataset_folder)
    options = stored.options
    there = [chat for _, chat in archive.chats()]
    left = [typed for typed in options.chats if typed not in names and any(is_called(c, typed) for c in there)]
    # An empty list means all chats; when the ones asked for are gone there are none, now and next time.
    chats = iter(()) if options.chats and not left else chats_of(archive, left)
    options = msgspec.structs.replace(options, chats=left or [GONE for _ in options.chats[:1]])
    data_set = make_data_set(archive, chats, next(iter(persona.ids.values())), options)
    before = stored.document["import"]
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
