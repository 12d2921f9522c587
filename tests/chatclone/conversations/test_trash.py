"""Deleting can be undone; after a purge nothing is left, not even bytes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatclone.conversations import ChatStore
from chatclone.conversations.trash import UNDO_SECONDS
from chatclone.errors import ChatcloneError
from tests.talks import shown, talk

SECRET = "xylophone"


class Clock:
    """A clock that is set by hand."""

    now = 1_000_000.0

    def __call__(self) -> float:
        """Return the time it was set to."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[ChatStore]:
    """An empty store."""
    opened = ChatStore.open(tmp_path / "chats.sqlite", clock)
    yield opened
    opened.close()


class TestConversations:
    """A conversation goes with everything in it."""

    def test_it_comes_back_as_it_was(self, store: ChatStore) -> None:
        """Deleted it is not listed, not found and not written to."""
        a, b = talk(store, "a", "b")
        deletion = store.delete(a.conversation)
        assert (deletion.conversation, deletion.message, deletion.messages) == (a.conversation, None, 2)
        assert (store.conversations(), store.count(), store.search("a")) == ([], 0, [])
        with pytest.raises(ChatcloneError):
            store.add(a.conversation, "user", "c", parent=b.id)
        with pytest.raises(ChatcloneError):
            store.delete(a.conversation)
        assert store.deletions() == [deletion]
        store.restore(deletion)
        assert (shown(store, a.conversation), store.count(), store.deletions()) == (["a", "b"], 1, [])

    def test_a_conversation_of_thousands_of_messages_can_be_purged(self, store: ChatStore) -> None:
        """SQLite's own cascade from message to message ends at a depth of 1,000."""
        chat, parent = store.create("long").id, None
        with store.alone():
            for number in range(1500):
                parent = store.add(chat, "user", str(number), parent=parent).id
        store.delete(chat)
        assert store.purge(0) == 1500


class TestMessages:
    """A message goes with what followed it."""

    def test_the_version_beside_it_is_shown_then(self, store: ChatStore) -> None:
        """Or the one after it, or the branch ends; undoing shows it again."""
        a, b, c = talk(store, "a", "b", "c")
        other = store.add(a.conversation, "assistant", "B", parent=a.id)
        store.show(c.id)
        deletion = store.delete_message(b)
        assert (deletion.messages, shown(store, a.conversation)) == (2, ["a", "B"])
        assert store.message(other.id).versions == 1
        last = store.delete_message(other)
        assert shown(store, a.conversation) == ["a"]
        store.restore(last)
        assert shown(store, a.conversation) == ["a", "B"]
        store.restore(deletion.id)
        assert shown(store, a.conversation) == ["a", "b", "c"]

    def test_one_of_a_branch_that_is_not_shown(self, store: ChatStore) -> None:
        """What is shown stays."""
        a, _, c, d = talk(store, "a", "b", "c", "d")
        store.edit(c, "C")
        store.delete_message(d)
        assert shown(store, a.conversation) == ["a", "b", "C"]
        store.show(c.id)
        assert shown(store, a.conversation) == ["a", "b", "c"]

    def test_the_first_one_leaves_an_empty_conversation(self, store: ChatStore) -> None:
        """Which can be written to, or get it back."""
        a, _ = talk(store, "a", "b")
        deletion = store.delete_message(a)
        assert (shown(store, a.conversation), store.length(a.conversation)) == ([], 0)
        assert store.conversation(a.conversation).preview == ""
        store.add(a.conversation, "user", "new")
        store.restore(deletion)
        assert shown(store, a.conversation) == ["a", "b"]

    def test_what_stands_above_comes_back_too(self, store: ChatStore) -> None:
        """A message of a deleted branch of a deleted conversation cannot be seen without them."""
        a, b, c = talk(store, "a", "b", "c")
        first = store.delete_message(c)
        store.delete_message(b)
        store.delete(a.conversation)
        store.restore(first)
        assert (shown(store, a.conversation), store.deletions()) == (["a", "b", "c"], [])


class TestPurge:
    """After a while what was deleted is gone for good."""

    def test_it_waits_its_time(self, store: ChatStore, clock: Clock) -> None:
        """And goes then; a later deletion stays."""
        first, second = talk(store, "a")[0], talk(store, "b")[0]
        gone = store.delete(first.conversation)
        clock.now += UNDO_SECONDS - 1
        store.delete(second.conversation)
        assert store.purge() == 0
        clock.now += 1
        assert store.purge() == 1
        with pytest.raises(ChatcloneError, match="for good"):
            store.restore(gone)
        assert [found.conversation for found in store.deletions()] == [second.conversation]

    def test_no_byte_is_left(self, store: ChatStore, tmp_path: Path) -> None:
        """Not in the rows, not in the index, not in the log; what was not deleted stays."""
        kept, gone = talk(store, "the piano", "is here"), talk(store, f"my {SECRET} {SECRET}ist", f"the {SECRET}")
        reply = store.add(gone[0].conversation, "assistant", "", parent=gone[0].id, state="writing")
        store.save_text(reply)
        store.delete_message(gone[1])
        store.delete(gone[0].conversation)
        files = list(tmp_path.iterdir())
        assert any(SECRET.encode() in path.read_bytes() for path in files)
        assert store.purge(0) == 3
        for path in files:
            for piece in (SECRET, SECRET[:4]):
                assert piece.encode() not in path.read_bytes(), path
        assert shown(store, kept[0].conversation) == ["the piano", "is here"]
        assert len(store.search("piano")) == 1

    def test_it_goes_beside_a_chat(self, store: ChatStore) -> None:
        """A reply that is being written is not disturbed."""
        gone = talk(store, "a")[0]
        store.delete(gone.conversation)
        writing = store.add(store.create().id, "assistant", "so", state="writing")
        assert store.purge(0) == 1
        assert store.message(writing.id).state == "writing"
