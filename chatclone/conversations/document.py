"""A whole conversation outside the file: every message of every branch, in plain records that any format can hold.

Messages are numbered from 1 in the order they were added, so the same conversation gives the same document wherever
it is stored.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chatclone.conversations.chat_settings import Settings
from chatclone.conversations.records import (
    MESSAGE_COLUMNS,
    Origin,
    Speaker,
    State,
    memory_json,
    message_of,
    origin_json,
    storable,
    title_of,
)
from chatclone.errors import ChatcloneError
from chatclone.i18n.message import Message
from memory.search.recall import Hit

LAST_SECOND = 253_402_300_799
"""The end of the year 9999, after which no calendar of ours goes."""


@dataclass(frozen=True)
class MessageDocument:
    """One message; `parent` is the one it follows and `selected` the one after it that is shown, by their numbers."""

    id: int
    role: Speaker
    text: str
    created_at: int
    parent: int | None = None
    selected: int | None = None
    state: State = "done"
    memory: tuple[Hit, ...] = ()
    stats: dict[str, Any] = field(default_factory=dict)
    origin: Origin | None = None


@dataclass(frozen=True)
class ConversationDocument:
    """One conversation; `first` is the first message that is shown, `read` the last one that was seen."""

    title: str
    created_at: int
    updated_at: int
    messages: tuple[MessageDocument, ...] = ()
    first: int | None = None
    read: int = 0
    renamed: bool = False
    pinned: bool = False
    settings: Settings = field(default_factory=Settings)

    def shown(self) -> Iterator[MessageDocument]:
        """Yield the messages of the branch that is shown."""
        by_number = {m.id: m for m in self.messages}
        number = self.first
        while number is not None:
            yield by_number[number]
            number = by_number[number].selected

    def check(self) -> None:
        """Raise ChatcloneError where this is no tree of messages, whoever wrote it."""
        numbers: dict[int, int | None] = {}
        for m in self.messages:
            if m.id in numbers or (m.parent is not None and m.parent not in numbers):
                raise _broken(self, f"message {m.id} does not follow one before it")
            numbers[m.id] = m.parent
        followers = [(None, self.first), *((m.id, m.selected) for m in self.messages)]
        if any(next_ is not None and numbers.get(next_, -1) != number for number, next_ in followers):
            raise _broken(self, "a message is shown after one that it does not follow")
        times = [self.created_at, self.updated_at, *(m.created_at for m in self.messages)]
        times += [hit.when for m in self.messages for hit in m.memory]
        if not all(0 <= moment <= LAST_SECOND for moment in times):
            raise _broken(self, "a time is outside of the calendar")


def read(connection: sqlite3.Connection, conversation: int) -> ConversationDocument:
    """Return a conversation as it is now; a reply that is being written is as good as interrupted."""
    rows = connection.execute(
        f"SELECT {MESSAGE_COLUMNS}, m.selected_id FROM messages m WHERE m.conversation_id = ? AND m.deletion_id IS NULL"
        " ORDER BY m.id",
        (conversation,),
    ).fetchall()
    numbers: dict[int | None, int] = {row[0]: position for position, row in enumerate(rows, start=1)}
    messages = []
    for *columns, selected in rows:
        m = message_of(tuple(columns))
        state: State = "interrupted" if m.state == "writing" else m.state
        messages.append(
            MessageDocument(
                numbers[m.id], m.role, m.text, m.created_at, numbers.get(m.parent), numbers.get(selected), state,
                m.memory, m.stats, m.origin,
            )
        )  # fmt: skip
    row = connection.execute(
        "SELECT title, created_at, updated_at, root_id, read_id, renamed, pinned, settings"
        " FROM conversations WHERE id = ? AND deletion_id IS NULL",
        (conversation,),
    ).fetchone()
    if row is None:
        raise ChatcloneError("there is no conversation {number}", "chatclone chats list", number=conversation)
    title, created_at, updated_at, root, seen, renamed, pinned, settings = row
    return ConversationDocument(
        title, created_at, updated_at, tuple(messages), numbers.get(root), sum(r[0] <= seen for r in rows),
        bool(renamed), bool(pinned), Settings.from_json(settings),
    )  # fmt: skip


def insert(connection: sqlite3.Connection, document: ConversationDocument) -> int:
    """Add a conversation and return its id; wants a transaction. Raises ChatcloneError where it is no tree."""
    document.check()
    title = " ".join(storable(document.title).split()) if document.renamed else title_of(storable(document.title))
    conversation = connection.execute(
        "INSERT INTO conversations (title, renamed, pinned, settings, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            title, document.renamed, document.pinned, document.settings.to_json(), document.created_at,
            document.updated_at,
        ),
    ).lastrowid  # fmt: skip
    numbers: dict[int | None, int] = {}
    depths: dict[int | None, int] = {None: -1}
    for m in document.messages:
        depths[m.id] = depths[m.parent] + 1
        state = "interrupted" if m.state == "writing" else m.state
        number = connection.execute(
            "INSERT INTO messages (conversation_id, parent_id, depth, role, text, state, memory, stats, origin,"
            " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                conversation, numbers.get(m.parent), depths[m.id], m.role, storable(m.text), state,
                memory_json(m.memory), json.dumps(m.stats), origin_json(m.origin), m.created_at,
            ),
        ).lastrowid  # fmt: skip
        numbers[m.id] = number or 0
    connection.executemany(
        "UPDATE messages SET selected_id = ? WHERE id = ?",
        [(numbers[m.selected], numbers[m.id]) for m in document.messages if m.selected is not None],
    )
    last = list(document.shown())[-1].id if document.first is not None else None
    seen = max((numbers[m.id] for m in document.messages[: max(0, document.read)]), default=0)
    connection.execute(
        "UPDATE conversations SET root_id = ?, leaf_id = ?, read_id = ? WHERE id = ?",
        (numbers.get(document.first), numbers.get(last), seen, conversation),
    )
    return conversation or 0


def known(connection: sqlite3.Connection, document: ConversationDocument) -> int | None:
    """Return the conversation that holds every message of `document` already, so that it need not come twice."""
    wanted = _said(document)
    if not document.messages:
        return None
    first = document.messages[0]
    rows = connection.execute(
        "SELECT DISTINCT conversation_id FROM messages m JOIN conversations c ON c.id = m.conversation_id"
        " WHERE m.depth = 0 AND m.created_at = ? AND m.text = ? AND m.deletion_id IS NULL AND c.deletion_id IS NULL",
        (first.created_at, storable(first.text)),
    ).fetchall()
    return next((number for (number,) in rows if wanted <= _said(read(connection, number))), None)


def _said(document: ConversationDocument) -> "Counter[tuple[str, str, int]]":
    return Counter((m.role, storable(m.text), m.created_at) for m in document.messages)


def _broken(document: ConversationDocument, what: str) -> ChatcloneError:
    return ChatcloneError(
        "the conversation “{title}” is damaged: {what}",
        "export it again",
        title=title_of(document.title),
        what=Message(what),
    )
