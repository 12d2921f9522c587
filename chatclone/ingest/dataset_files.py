"""The data set's files, which are made from the archive and can be made again."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import msgspec

from chatclone.archive.archive import Archive
from chatclone.errors import ChatcloneError
from chatclone.ingest.stored_report import DataOptions
from chatclone.paths import ensure
from chatclone.personas.persona import Persona
from chatclone.storage.atomic_files import replacing
from importers.dataset.build import DataSet, build
from importers.message import Chat, Message
from importers.privacy.pseudonyms import Pseudonyms
from importers.privacy.redaction import Redactor


def is_called(chat: Chat, wanted: str) -> bool:
    """Tell whether a person who types this means that chat: its id, or its name in any case."""
    return wanted == chat.id or wanted.casefold() == chat.name.casefold()


def chats_of(archive: Archive, wanted: Sequence[str]) -> Iterator[tuple[Chat, Iterator[Message]]]:
    """Yield the chats to learn from with their messages; `wanted` are ids or names, none means all."""
    chats = archive.chats()
    if unknown := [w for w in wanted if not any(is_called(chat, w) for _, chat in chats)]:
        raise ChatcloneError(
            "there is no chat {unknown}",
            "choose one of: {chats}",
            unknown=", ".join(unknown),
            chats=", ".join(chat.name for _, chat in chats[:20]),
        )
    for platform, chat in chats:
        if not wanted or any(is_called(chat, w) for w in wanted):
            yield chat, archive.messages(platform, chat.id)


def partners_of(archive: Archive, person: str) -> tuple[str, ...]:
    """Return the names of those a person wrote with in personal chats, most messages first."""
    names = []
    for platform, chat in archive.chats():
        if chat.kind != "personal" or not archive.wrote(platform, chat.id, person):
            continue
        # A personal chat has the id of whom the export's owner wrote with, which may be the person themself.
        others = [chat.id] if chat.id != person else archive.others(platform, chat.id, person)
        people = archive.people(platform)
        names += [people[other].name if other in people else chat.name for other in others]
    return tuple(dict.fromkeys(names))


def make_data_set(
    archive: Archive, chats: Iterable[tuple[Chat, Iterable[Message]]], target: str, options: DataOptions
) -> DataSet:
    """Make the data set of person `target` from these chats, with the options that an import was asked for."""
    people = archive.people()
    return build(
        chats,
        target,
        people,
        filter=options.filter,
        redactor=Redactor() if options.redact else None,
        pseudonyms=Pseudonyms(people, target) if options.pseudonyms else None,
        share=options.chat_share,
    )


def summary(data_set: DataSet) -> dict[str, Any]:
    """Return the part of contract.md's `import --json` that tells of the data set."""
    report = data_set.report.to_dict()
    return {key: report[key] for key in ("replies", "sessions", "split")}


def write_data_set(persona: Persona, data_set: DataSet, document: dict[str, Any], options: DataOptions) -> None:
    """Write both parts and the report, with the options that would make them again.

    All three are whole on disk before the first takes its place: parts of two data sets would not be apart in time.
    """
    folder = ensure(persona.dataset_folder)
    report = {"import": document, "data": data_set.report.to_dict(), "options": msgspec.to_builtins(options)}
    with ExitStack() as files:
        # Places are taken in the opposite order: the report, whose presence means complete, comes last.
        last = files.enter_context(replacing(folder / "report.json"))
        last.write(_json(report, indent=1))
        for name, examples in (("eval", data_set.eval), ("train", data_set.train)):
            file = files.enter_context(replacing(folder / f"{name}.jsonl"))
            file.writelines(_json(example.line()) + b"\n" for example in examples)


def _json(document: Any, indent: int | None = None) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=indent).encode("utf-8", "replace")
