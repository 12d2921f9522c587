"""Telegram exports and messages for the tests of this folder."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from importers.dataset.build import DataReport, Example, build
from importers.filters.chat_balance import SHARE
from importers.message import Chat, ChatKind, Media, Message, Person, Span
from importers.privacy.pseudonyms import Pseudonyms
from importers.privacy.redaction import Redactor
from importers.source import Reading
from importers.telegram.json_export import TelegramExport

NOON = 1_700_000_000
"""When conversations in the tests begin, in Unix seconds."""
MINUTE, HOUR, DAY = 60, 3600, 86_400
PEOPLE = {p: Person(p, name) for p, name in {"me": "Mira", "you": "Theo", "ann": "Ann", "bob": "Bob"}.items()}


def raw(number: int, sender: int = 1, text: Any = "hello", **more: Any) -> dict[str, Any]:
    """Return a message object as Telegram Desktop has written it since 2021."""
    fields = {
        "id": number,
        "type": "message",
        "date": "2023-11-14T22:13:20",
        "date_unixtime": str(NOON + number * MINUTE),
        "from": f"Person {sender}",
        "from_id": f"user{sender}",
        "text": text,
    }
    return {k: v for k, v in {**fields, **more}.items() if v is not ...}


def chat(messages: Iterable[Any], number: int = 2, kind: str = "personal_chat", **more: Any) -> dict[str, Any]:
    """Return a chat object; personal chats have their partner's id."""
    return {"name": f"Person {number}", "type": kind, "id": number, **more, "messages": list(messages)}


def account(chats: Iterable[Any], owner: int | None = 1, left: Iterable[Any] = ()) -> dict[str, Any]:
    """Return a whole account's export."""
    who = {"user_id": owner, "first_name": "Mira", "last_name": "Vale", "phone_number": "+1"}
    document: dict[str, Any] = {"about": "Here is the data you requested."}
    if owner is not None:
        document["personal_information"] = who
    document["contacts"] = {"about": "…", "list": [{"user_id": 5, "first_name": "X"}]}
    document["chats"] = {"about": "This page lists all chats.", "list": list(chats)}
    document["left_chats"] = {"about": "…", "list": list(left)}
    return document


def write(folder: Path, document: Any) -> Path:
    """Write an export as Telegram Desktop does, and return its path."""
    path = folder / "result.json"
    text = document if isinstance(document, str) else json.dumps(document, indent=1, ensure_ascii=False)
    path.write_text(text, "utf-8")
    return path


def message(
    number: int,
    sender: str = "me",
    text: str = "hello",
    *,
    at: int | None = None,
    place: str = "chat",
    media: Media | None = None,
    reply_to: int | None = None,
    forwarded: bool = False,
    via_bot: bool = False,
    spans: tuple[Span, ...] = (),
) -> Message:
    """Return a message a minute after the one with the number before it."""
    return Message(
        chat=place,
        id=number,
        sent_at=NOON + number * MINUTE if at is None else at,
        sender=sender,
        text=text,
        media=media,
        reply_to=reply_to,
        forwarded=forwarded,
        via_bot=via_bot,
        spans=spans,
    )


def conversation(*said: tuple[str, str], start: int = NOON, first: int = 1, place: str = "chat") -> list[Message]:
    """Return messages of (sender, text), a minute apart."""
    return [
        message(first + i, sender, text, at=start + i * MINUTE, place=place) for i, (sender, text) in enumerate(said)
    ]


def many_sessions(pairs: Sequence[tuple[str, str]], place: str = "chat") -> list[Message]:
    """Return a chat with a session a day, each a question of `you` and an answer of `me`."""
    made: list[Message] = []
    for day, (question, answer) in enumerate(pairs):
        made += conversation(("you", question), ("me", answer), start=NOON + day * DAY, first=2 * day + 1, place=place)
    return made


def read_export(folder: Path, document: Any) -> tuple[list[Message], Reading]:
    """Write an export and read it, and check that every message of it is accounted for."""
    export = TelegramExport(write(folder, document))
    assert export.recognise()
    messages = list(export.messages())
    assert export.reading.read == export.reading.dropped.total() + len(messages)
    assert export.reading.counts.total() == len(messages)
    return messages, export.reading


@dataclass
class Made:
    """A data set with all its lines."""

    train: list[Example]
    eval: list[Example]
    report: DataReport


def data_set(
    messages: Sequence[Message],
    kind: ChatKind = "personal",
    filter: str = "balanced",
    redactor: Redactor | None = None,
    pseudonyms: Pseudonyms | None = None,
    share: float = SHARE,
) -> Made:
    """Build the data set of `me` from messages of any chats, and check that its account adds up."""
    chats = [
        (Chat(place, kind, f"Chat {place}"), list(of_chat)) for place, of_chat in groupby(messages, lambda m: m.chat)
    ]
    result = build(chats, "me", PEOPLE, filter=filter, redactor=redactor, pseudonyms=pseudonyms, share=share)
    made = Made(list(result.train), list(result.eval), result.report)
    replies, split = result.report.to_dict()["replies"], result.report.to_dict()["split"]
    assert replies["total"] == replies["trained"] + sum(replies["untrained"].values())
    assert replies["trained"] == split["train"] + split["eval"]
    assert split["train"] == sum(e.trained for e in made.train)
    assert split["eval"] == sum(e.trained for e in made.eval)
    assert [e.line() for e in result.train] == [e.line() for e in made.train]
    return made
