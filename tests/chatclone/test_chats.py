"""Conversations are saved, branched, and found again after anything that may happen to the program."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatclone.chats import TITLE_LENGTH, ChatStore
from chatclone.errors import ChatcloneError
from memory.search import Hit

HIT = Hit(7, 1_700_000_000, "Mira", "2023-11-14 Mira: a cat!!", 0.5, "Anna")


class Clock:
    """A clock that moves by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> float:
        """Return the time."""
        self.now += 1
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    """An empty store with a clock that moves."""
    opened = ChatStore.open(tmp_path / "chats.sqlite", Clock())
    yield opened
    opened.close()


class TestConversations:
    """Conversations are listed by their titles."""

    def test_the_latest_message_puts_a_conversation_first(self, store: ChatStore) -> None:
        """The order is that of the last messages, not of the beginnings."""
        older, newer = store.create("older"), store.create("newer")
        assert [c.id for c in store.conversations()] == [newer.id, older.id]
        store.add(older.id, "user", "again")
        assert [c.id for c in store.conversations()] == [older.id, newer.id]
        assert len(store.conversations(limit=1)) == 1

    def test_a_title_is_one_short_line(self, store: ChatStore) -> None:
        """A long first message does not become a long title."""
        assert store.create("hey\n  you").title == "hey you"
        title = store.create("word " * 40).title
        assert len(title) <= TITLE_LENGTH
        assert title.endswith("word…")

    def test_rename_and_delete(self, store: ChatStore) -> None:
        """Deleting takes the messages along."""
        kept, gone = store.create("kept", partner="Anna"), store.create("gone")
        store.add(gone.id, "user", "secret")
        store.rename(kept.id, "  better ")
        store.delete(gone.id)
        assert [(c.title, c.partner) for c in store.conversations()] == [("better", "Anna")]
        assert store.messages(gone.id) == []


class TestBranches:
    """A reply written again stands beside the first one."""

    def test_a_second_reply_is_shown_and_the_first_is_kept(self, store: ChatStore) -> None:
        """Both have the same parent; either can be shown."""
        chat = store.create("x").id
        question = store.add(chat, "user", "hi")
        first = store.add(chat, "assistant", "one", parent=question.id)
        second = store.add(chat, "assistant", "two", parent=question.id)
        assert [m.text for m in store.messages(chat)] == ["hi", "two"]
        assert store.siblings(second) == [first.id, second.id]
        store.show(first.id)
        assert [m.text for m in store.messages(chat)] == ["hi", "one"]

    def test_a_branch_is_shown_to_its_end(self, store: ChatStore) -> None:
        """Going back to a version brings back what followed it."""
        chat = store.create("x").id
        question = store.add(chat, "user", "hi")
        first = store.add(chat, "assistant", "one", parent=question.id)
        store.add(chat, "user", "more", parent=first.id)
        store.add(chat, "assistant", "two", parent=question.id)
        store.show(first.id)
        assert [m.text for m in store.messages(chat)] == ["hi", "one", "more"]
        store.show_until(question.id)
        assert [m.text for m in store.messages(chat)] == ["hi"]

    def test_only_the_last_messages_are_read_when_asked(self, store: ChatStore) -> None:
        """A long conversation opens at its end."""
        chat, parent = store.create("x").id, None
        for number in range(50):
            parent = store.add(chat, "user", str(number), parent=parent).id
        assert [m.text for m in store.messages(chat, limit=3)] == ["47", "48", "49"]
        assert len(store.messages(chat)) == 50


class TestFile:
    """The file outlives the program, however that ends."""

    def test_everything_is_read_again(self, tmp_path: Path) -> None:
        """Text, state, memory and figures come back as they were."""
        path = tmp_path / "deep" / "chats.sqlite"
        store = ChatStore.open(path)
        chat = store.create("x").id
        question = store.add(chat, "user", "emoji 🥹, \x1b[31m and Ünïcode")
        reply = store.add(chat, "assistant", "", parent=question.id, state="running")
        reply = replace(reply, text="hm", state="finished", memory=(HIT,), stats={"tokens_per_second": 4.5})
        store.save(reply)
        store.close()
        again = ChatStore.open(path)
        assert again.messages(chat) == [question, reply]
        again.close()

    def test_a_reply_cut_off_by_a_crash_is_stopped_with_its_text(self, tmp_path: Path) -> None:
        """Nothing is still running when the program starts."""
        crashed = ChatStore.open(tmp_path / "chats.sqlite")
        chat = crashed.create("x").id
        reply = crashed.add(chat, "assistant", "", state="running")
        crashed.save_text(replace(reply, text="I was just sa"))
        found = ChatStore.open(tmp_path / "chats.sqlite")
        assert [(m.text, m.state) for m in found.messages(chat)] == [("I was just sa", "stopped")]
        found.close()
        crashed.close()

    def test_only_the_user_can_read_it(self, tmp_path: Path) -> None:
        """The file and its journal hold people's words."""
        store = ChatStore.open(tmp_path / "chats.sqlite")
        store.create("x")
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
        store.close()

    def test_lone_surrogates_are_replaced(self, store: ChatStore) -> None:
        """What no UTF-8 file can hold does not lose the rest of a message."""
        chat = store.create("t\udc80").id
        assert store.add(chat, "user", "a\udc80b").text == "a?b"
        assert store.messages(chat)[0].text == "a?b"

    def test_a_file_that_is_no_database_is_an_error_with_a_hint(self, tmp_path: Path) -> None:
        """It is left as it is."""
        path = tmp_path / "chats.sqlite"
        path.write_text("not a database, and long enough to be one " * 20)
        with pytest.raises(ChatcloneError, match="cannot be read") as caught:
            ChatStore.open(path)
        assert caught.value.hint
        assert path.read_text().startswith("not a database")

    def test_a_file_of_a_newer_version_is_not_touched(self, tmp_path: Path) -> None:
        """An older program does not write into what it does not know."""
        path = tmp_path / "chats.sqlite"
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(ChatcloneError, match="newer"):
            ChatStore.open(path)
