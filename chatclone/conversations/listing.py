"""The list of conversations: titles, order, what is read and pinned, and the settings of each."""

import sqlite3
from typing import Any

from chatclone.conversations.chat_file import ChatFile
from chatclone.conversations.chat_settings import Settings
from chatclone.conversations.records import Conversation, Order, storable, title_of
from chatclone.conversations.search_words import words_in
from chatclone.errors import ChatcloneError

_COLUMNS = """
SELECT c.id, c.title, c.created_at, c.updated_at, c.settings, c.pinned, c.renamed,
    (SELECT count(*) FROM messages u WHERE u.conversation_id = c.id AND u.id > c.read_id
        AND u.role = 'assistant' AND u.deletion_id IS NULL AND u.text <> ''),
    coalesce(leaf.depth + 1, 0), coalesce(substr(leaf.text, 1, 120), '')
FROM page c LEFT JOIN messages leaf ON leaf.id = c.leaf_id
"""
_PAGE = "WITH page AS (SELECT * FROM conversations c WHERE c.deletion_id IS NULL"
"""The rows of a page are chosen first, so that those before it cost nothing but their place in the order."""
_ORDERS: dict[Order, str] = {
    "latest": "c.pinned DESC, c.updated_at DESC, c.id DESC",
    "created": "c.pinned DESC, c.created_at DESC, c.id DESC",
    "title": "c.pinned DESC, chat_words(c.title), c.id",
}


class Listing(ChatFile):
    """The conversations of a file, without what was said in them."""

    def conversations(
        self, limit: int = 200, offset: int = 0, *, order: Order = "latest", titled: str = ""
    ) -> list[Conversation]:
        """Return a page of the conversations, pinned ones first; with `titled`, those whose titles hold its words."""
        words = [f" {word.folded}" for word in words_in(titled)]
        where = "".join(" AND instr(' ' || chat_words(c.title), ?) > 0" for _ in words)
        by = _ORDERS[order]
        query = f"{_PAGE}{where} ORDER BY {by} LIMIT ? OFFSET ?) {_COLUMNS} ORDER BY {by}"
        return [_conversation(row) for row in self._read(query, *words, limit, offset)]

    def conversation(self, number: int) -> Conversation:
        """Return one conversation; ChatcloneError where there is none."""
        rows = self._read(f"{_PAGE} AND c.id = ?) {_COLUMNS}", number)
        if not rows:
            raise ChatcloneError("there is no conversation {number}", "chatclone chats list", number=number)
        return _conversation(rows[0])

    def count(self) -> int:
        """Return how many conversations there are."""
        rows = self._read("SELECT count(*) FROM conversations WHERE deletion_id IS NULL")
        return int(rows[0][0])

    def create(self, title: str = "", partner: str = "", settings: Settings | None = None) -> Conversation:
        """Begin a conversation, called after the first words of `title` until its first message names it."""
        settings = settings or Settings(partner=storable(partner))
        now = int(self._clock())
        with self._writing() as connection:
            number = connection.execute(
                "INSERT INTO conversations (title, settings, created_at, updated_at) VALUES (?, ?, ?, ?)",
                (title_of(storable(title)), settings.to_json(), now, now),
            ).lastrowid
        return self.conversation(number or 0)

    def rename(self, conversation: int, title: str) -> None:
        """Give a conversation a title of its own; an empty one makes it follow the first message again."""
        title = " ".join(storable(title).split())
        with self._writing() as connection:
            connection.execute(
                "UPDATE conversations SET title = ?, renamed = ? WHERE id = ?", (title, bool(title), conversation)
            )
            self._name(connection, conversation)

    def pin(self, conversation: int, pinned: bool = True) -> None:
        """Keep a conversation at the top of the list, or no longer."""
        self._change("UPDATE conversations SET pinned = ? WHERE id = ?", pinned, conversation)

    def mark_read(self, conversation: int, read: bool = True) -> None:
        """Note that everything in a conversation was seen; not `read` makes its last reply unread again."""
        last = "SELECT max(id) FROM messages WHERE conversation_id = conversations.id AND deletion_id IS NULL"
        seen = f"({last})" if read else f"({last} AND role = 'assistant' AND text <> '') - 1"
        self._change(f"UPDATE conversations SET read_id = coalesce({seen}, read_id) WHERE id = ?", conversation)

    def configure(self, conversation: int, settings: Settings) -> None:
        """Save a conversation's settings."""
        self._change("UPDATE conversations SET settings = ? WHERE id = ?", settings.to_json(), conversation)

    def settings(self, conversation: int) -> Settings:
        """Return a conversation's settings."""
        rows = self._read("SELECT settings FROM conversations WHERE id = ?", conversation)
        return Settings.from_json(rows[0][0]) if rows else Settings()

    def _name(self, connection: sqlite3.Connection, conversation: int) -> None:
        """Call a conversation after the first words of its first message, unless a person has named it."""
        connection.execute(
            """UPDATE conversations SET title = coalesce((
                SELECT chat_title(m.text) FROM messages m JOIN conversations c ON c.id = m.conversation_id
                WHERE c.id = ?1 AND m.depth <= 1 AND m.role = 'user' AND m.deletion_id IS NULL
                ORDER BY m.depth, m.id = c.root_id DESC, m.id LIMIT 1), title)
                WHERE id = ?1 AND NOT renamed""",
            (conversation,),
        )


def _conversation(row: tuple[Any, ...]) -> Conversation:
    number, title, created_at, updated_at, settings, pinned, renamed, unread, length, preview = row
    return Conversation(
        number, title, created_at, updated_at, Settings.from_json(settings),
        bool(pinned), bool(renamed), unread, length, preview,
    )  # fmt: skip
