"""The conversations with the clone, in SQLite: what was said is saved before anything else happens to it.

A message's parent is the message it follows. An edited message is another child of the same parent, and so is a reply
that is written again; which child is shown is kept for every parent. A state is a column, never words in the text.
"""

import json
from collections.abc import Callable, Iterable

from chatclone.conversations import document, message_search, message_tree, trash
from chatclone.conversations.document import ConversationDocument
from chatclone.conversations.listing import Listing
from chatclone.conversations.records import (
    CUT,
    Conversation,
    Deletion,
    Found,
    Speaker,
    State,
    StoredMessage,
    memory_from,
    memory_json,
    origin_json,
    storable,
)
from chatclone.conversations.schema import connect
from chatclone.errors import ChatcloneError
from memory.search.recall import Hit


class ChatStore(Listing):
    """The conversations of one persona with all their messages; `ChatStore.open(path)` makes one."""

    def messages(
        self,
        conversation: int,
        limit: int = message_tree.NO_LIMIT,
        *,
        before: int | None = None,
        after: int | None = None,
        around: int | None = None,
    ) -> list[StoredMessage]:
        """Return a page of the branch that is shown, oldest first: its end, or what stands next to a message of it.

        `before` and `after` leave the message itself out; `around` has it in the middle.
        """
        with self._lock:
            at = before if before is not None else after if after is not None else around
            if at is None:
                rows = self._read("SELECT leaf_id FROM conversations WHERE id = ?", conversation)
                return message_tree.above(self._connection, rows[0][0] if rows else None, limit)
            if after is not None:
                return message_tree.below(self._connection, at, limit + 1)[1:]
            if before is not None:
                return message_tree.above(self._connection, at, limit + 1)[:-1]
            later = message_tree.below(self._connection, at, limit)
            wanted = max(limit // 2, limit - len(later))
            return [*message_tree.above(self._connection, at, wanted + 1)[:-1], *later][:limit]

    def message(self, number: int) -> StoredMessage:
        """Return one message; ChatcloneError where there is none."""
        with self._lock:
            found = message_tree.message(self._connection, number)
        if found is None:
            raise ChatcloneError("there is no message {number}", "chatclone chats search WORD", number=number)
        return found

    def branch(self, leaf: int, limit: int = message_tree.NO_LIMIT) -> list[StoredMessage]:
        """Return the last `limit` messages up to `leaf`, oldest first."""
        with self._lock:
            return message_tree.above(self._connection, leaf, limit)

    def length(self, conversation: int) -> int:
        """Return how many messages are shown, without reading them."""
        query = "SELECT depth + 1 FROM messages WHERE id = (SELECT leaf_id FROM conversations WHERE id = ?)"
        rows = self._read(query, conversation)
        return int(rows[0][0]) if rows else 0

    def add(
        self,
        conversation: int,
        role: Speaker,
        text: str,
        *,
        parent: int | None = None,
        state: State = "done",
    ) -> StoredMessage:
        """Save a message after `parent`; the branch that is shown ends with it."""
        now, text = int(self._clock()), storable(text)
        with self._writing() as connection:
            depth = self._depth_after(conversation, parent)
            number = connection.execute(
                "INSERT INTO messages (conversation_id, parent_id, depth, role, text, state, writer, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (conversation, parent, depth, role, text, state, self._writer(state), now),
            ).lastrowid
            message_tree.append(connection, conversation, parent, number or 0)
            connection.execute("UPDATE conversations SET updated_at = ? WHERE id = ?", (now, conversation))
            if role == "user" and depth <= 1:  # a conversation may begin with the clone
                self._name(connection, conversation)
        return self.message(number or 0)

    def edit(self, message: StoredMessage, text: str) -> StoredMessage:
        """Save another version of a message beside it and show that one; what followed the old one stays with it."""
        if not text.strip():
            raise ChatcloneError("an edited message needs words", "delete the message instead")
        return self.add(message.conversation, message.role, text, parent=message.parent)

    def save_text(self, message: StoredMessage) -> None:
        """Save the text of a reply that is being written."""
        self._change("UPDATE messages SET text = ? WHERE id = ?", storable(message.text), message.id)

    def save(self, message: StoredMessage) -> None:
        """Save what may change of a message: text, state, memory, stats, origin."""
        self._change(
            "UPDATE messages SET text = ?, state = ?, writer = ?, memory = ?, stats = ?, origin = ? WHERE id = ?",
            storable(message.text),
            message.state,
            self._writer(message.state),
            memory_json(message.memory),
            json.dumps(message.stats),
            origin_json(message.origin),
            message.id,
        )

    def reopen(self, reply: StoredMessage) -> StoredMessage:
        """Take up a reply that was cut, so that it can grow on; ChatcloneError where it was not cut."""
        with self._writing() as connection:
            now = message_tree.message(connection, reply.id)
            if now is None or now.role != "assistant" or now.state not in CUT:
                raise ChatcloneError("this reply was not cut off", "have it written again instead")
            connection.execute(
                "UPDATE messages SET state = 'writing', writer = ? WHERE id = ?", (self._writer("writing"), reply.id)
            )
        return self.message(reply.id)

    def siblings(self, message: StoredMessage) -> list[int]:
        """Return the ids of all messages that stand in this one's place, itself among them, oldest first."""
        with self._lock:
            return message_tree.siblings(self._connection, message)

    def show(self, message: int) -> None:
        """Show the branch through a message, below it as it was shown last: for ‹2/3› and the jump of a search."""
        with self._writing() as connection:
            message_tree.select(connection, message, to_end=True)

    def show_until(self, message: int) -> None:
        """Make a message the last one that is shown; what is written next follows it."""
        with self._writing() as connection:
            message_tree.select(connection, message, to_end=False)

    def drop_memory(self, unwanted: Callable[[Hit], bool]) -> int:
        """Take passages that memory has forgotten from the replies that were given them; returns from how many."""
        changed = 0
        with self._writing() as connection:
            rows = connection.execute("SELECT id, memory FROM messages WHERE memory <> '[]'").fetchall()
            for number, text in rows:
                hits = memory_from(text)
                kept = tuple(hit for hit in hits if not unwanted(hit))
                if len(kept) < len(hits):
                    changed += 1
                    connection.execute("UPDATE messages SET memory = ? WHERE id = ?", (memory_json(kept), number))
        return changed

    def _depth_after(self, conversation: int, parent: int | None) -> int:
        """Return the depth of a message after `parent`; ChatcloneError where neither it nor the conversation is."""
        if not self._read("SELECT 1 FROM conversations WHERE id = ? AND deletion_id IS NULL", conversation):
            raise ChatcloneError("there is no conversation {number}", "chatclone chats list", number=conversation)
        if parent is None:
            return 0
        query = "SELECT depth + 1 FROM messages WHERE id = ? AND conversation_id = ? AND deletion_id IS NULL"
        rows = self._read(query, parent, conversation)
        if not rows:
            raise ChatcloneError("there is no message {number} to follow", "open the conversation again", number=parent)
        return int(rows[0][0])

    # Deleting, and bringing back

    def delete(self, conversation: int) -> Deletion:
        """Delete a conversation with all its branches; it can be brought back until it is purged."""
        with self._writing() as connection:
            deletion = trash.delete_conversation(connection, conversation, int(self._clock()))
            if deletion is None:
                raise ChatcloneError("there is no conversation {number}", "chatclone chats list", number=conversation)
        return deletion

    def delete_message(self, message: StoredMessage) -> Deletion:
        """Delete a message and all that followed it; it can be brought back until it is purged."""
        with self._writing() as connection:
            if message_tree.message(connection, message.id) is None:
                raise ChatcloneError("there is no message {number}", "open the conversation again", number=message.id)
            deletion = trash.delete_message(connection, message, int(self._clock()))
            self._name(connection, message.conversation)
        return deletion

    def deletions(self, limit: int = 100) -> list[Deletion]:
        """Return what can be brought back, the latest first."""
        with self._lock:
            return trash.deletions(self._connection, limit)

    def restore(self, deletion: int | Deletion) -> Deletion:
        """Bring back what was deleted, and show it; ChatcloneError where it was purged."""
        number = deletion if isinstance(deletion, int) else deletion.id
        with self._writing() as connection:
            found = trash.restore(connection, number)
            if found is None:
                raise ChatcloneError("that was deleted for good", "chatclone chats import, where it was exported")
            self._name(connection, found.conversation)
        return found

    def purge(self, older_than: float = trash.UNDO_SECONDS) -> int:
        """Remove what was deleted so many seconds ago for good, bytes and all; returns how many messages.

        It may take a while and has a connection of its own, so it is best called in a thread.
        """
        connection = connect(self.path)
        try:
            return trash.purge(connection, int(self._clock() - older_than))
        finally:
            connection.close()

    # Out of the file and into it

    def document(self, conversation: int) -> ConversationDocument:
        """Return all of a conversation, for `transfer.written`."""
        with self._lock:
            return document.read(self._connection, conversation)

    def insert(self, documents: Iterable[ConversationDocument]) -> list[Conversation]:
        """Add conversations that `transfer.read` gave, all or none; those that are here already do not come twice."""
        added = []
        with self._writing() as connection:
            for one in documents:
                if document.known(connection, one) is None:
                    added.append(document.insert(connection, one))
        return [self.conversation(number) for number in added]

    # Search

    def search(
        self, query: str, *, conversation: int | None = None, before: int | None = None, limit: int = 50
    ) -> list[Found]:
        """Return messages of all branches that hold every word of `query`, newest first.

        The next page is what was found `before` the last message of this one. To jump, `show(found.message)` and read
        `messages(found.conversation, around=found.message)`.
        """
        with self._lock:
            return message_search.find(self._connection, query, conversation, before, limit)
