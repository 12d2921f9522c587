"""Forgetting a person or a chat: out of archive, data set and memory, with a tombstone against the next import."""

import json
from typing import Any

from chatclone.archive import Archive
from chatclone.derived import chats_of, summary, write_data_set
from chatclone.errors import ChatcloneError
from chatclone.persona import Persona
from chatclone.remembering import remember
from importers import owner
from importers.dataset import build
from importers.reading import ImportFailure
from importers.redact import Redactor


def forget(persona: Persona, *, person: str = "", chat: str = "") -> dict[str, Any]:
    """Remove a person or a chat from archive, data set and memory, with a tombstone; names and ids both do.

    Returns how many messages are gone, what is left to learn from, and the adapters that were trained before.
    """
    archive = Archive(persona.archive_file)
    try:
        people = archive.people()
        if person:
            person = owner.resolve(person, people, archive.counts()).id
            if person in persona.ids.values():
                raise ChatcloneError(f"that is {persona.name}", f"chatclone persona delete {persona.slug}")
        else:
            chat = next((c.id for _, c in archive.chats() if chat in (c.id, c.name)), "")
            if not chat:
                names = ", ".join(c.name for _, c in archive.chats()[:20])
                raise ChatcloneError("there is no such chat", f"there is {names}")
        gone = archive.forget(chat=chat, person=person)
        stored = json.loads((persona.dataset_folder / "report.json").read_text("utf-8"))
        options = stored["options"]
        still_there = {name for _, c in archive.chats() for name in (c.id, c.name)}
        chats = chats_of(archive, [name for name in options["chats"] if name in still_there])
        target, redactor = next(iter(persona.ids.values())), Redactor() if options["redact"] else None
        data_set = build(chats, target, people, filter=options["filter"], redactor=redactor)
        document = {**stored["import"], **summary(data_set)}
        write_data_set(persona, data_set, document, options)
        remember(persona, archive)
    except ImportFailure as failure:
        raise ChatcloneError(failure.message, failure.hint) from failure
    finally:
        archive.close()
    adapters = [p.parent.name for p in sorted(persona.runs_folder.glob("*/adapter"))]
    return {"forgotten": gone, "replies": document["replies"], "adapters": adapters}
