"""Conversations are listed, named, set, branched and read page by page."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatclone.conversations import TITLE_LENGTH, ChatStore, Settings, StoredMessage
from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError
from memory.search.recall import Hit
from tests.talks import shown, talk

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
    """Conversations are listed by what a person wants to see of them."""

    def test_the_latest_message_puts_a_conversation_first(self, store: ChatStore) -> None:
        """The order is that of the last messages, not of the beginnings."""
        older, newer = store.create("older"), store.create("newer")
        assert [c.id for c in store.conversations()] == [newer.id, older.id]
        store.add(older.id, "user", "again")
        assert [c.id for c in store.conversations()] == [older.id, newer.id]

    def test_pages_and_orders(self, store: ChatStore) -> None:
        """A list is read page by page, in the order wanted, pinned ones first."""
        numbers = {title: store.create(title).id for title in ("b", "c", "a")}
        store.pin(numbers["c"])
        assert [c.title for c in store.conversations()] == ["c", "a", "b"]
        assert [c.title for c in store.conversations(order="title")] == ["c", "a", "b"]
        store.pin(numbers["c"], False)
        assert [c.title for c in store.conversations(order="title")] == ["a", "b", "c"]
        assert [c.title for c in store.conversations(1, 1)] == ["c"]
        assert [c.title for c in store.conversations(order="created")] == ["a", "c", "b"]
        assert store.count() == 3

    def test_a_title_is_the_beginning_of_the_first_message(self, store: ChatStore) -> None:
        """One short line, also when that message is edited, until a person names the conversation."""
        (first,) = talk(store, "word " * 40)
        title = store.conversation(first.conversation).title
        assert len(title) <= TITLE_LENGTH
        assert title.endswith("word…")
        store.edit(first, "hey\n  you")
        assert store.conversation(first.conversation).title == "hey you"
        store.rename(first.conversation, "  the \n trip ")
        store.edit(first, "something else")
        renamed = store.conversation(first.conversation)
        assert (renamed.title, renamed.renamed) == ("the trip", True)
        store.rename(first.conversation, " ")
        assert store.conversation(first.conversation).title == "something else"

    def test_a_conversation_that_the_clone_began_is_named_too(self, store: ChatStore) -> None:
        """After the first message of the user."""
        chat = store.create().id
        greeting = store.add(chat, "assistant", "hey")
        store.add(chat, "user", "who is this?", parent=greeting.id)
        assert store.conversation(chat).title == "who is this?"

    def test_titles_are_found(self, store: ChatStore) -> None:
        """By the beginnings of their words, without case and accents."""
        for title in ("Würzburg trip", "the cat", "50% off"):
            store.create(title)
        assert [c.title for c in store.conversations(titled="wurz TRI")] == ["Würzburg trip"]
        assert [c.title for c in store.conversations(titled="50%")] == ["50% off"]
        assert store.conversations(titled="rip") == []

    def test_replies_are_unread_until_they_are_seen(self, store: ChatStore) -> None:
        """My own messages are not, nor a reply without a word."""
        question, _ = talk(store, "hi", "hey")
        chat = question.conversation
        store.add(chat, "assistant", "", parent=question.id, state="writing")
        assert store.conversation(chat).unread == 1
        store.mark_read(chat)
        assert store.conversation(chat).unread == 0
        store.mark_read(chat, False)
        assert store.conversation(chat).unread == 1

    def test_the_row_of_a_conversation_counts_and_quotes_it(self, store: ChatStore) -> None:
        """Without its messages being read."""
        question, reply = talk(store, "hi", "hey")
        again = store.edit(question, "hello")
        row = store.conversation(question.conversation)
        assert (row.length, row.preview) == (1, "hello")
        assert again.version == 2
        store.show(reply.id)
        row = store.conversation(question.conversation)
        assert (row.length, row.preview, store.length(row.id)) == (2, "hey", 2)

    def test_what_is_not_there_is_an_error_with_a_hint(self, store: ChatStore) -> None:
        """A conversation, a message, a parent of another conversation."""
        (message,) = talk(store, "hi")
        other = store.create("other").id
        for attempt in (
            lambda: store.conversation(99),
            lambda: store.message(99),
            lambda: store.add(99, "user", "x"),
            lambda: store.add(other, "user", "x", parent=message.id),
            lambda: store.edit(message, " "),
        ):
            with pytest.raises(ChatcloneError) as caught:
                attempt()
            assert caught.value.hint
        assert store.messages(99) == []
        assert store.length(other) == 0


class TestSettings:
    """How a conversation is held is saved with it."""

    def test_everything_comes_back(self, store: ChatStore) -> None:
        """Other conversations keep the defaults."""
        chat, other = store.create("x", partner="Anna"), store.create("y")
        assert store.settings(chat.id) == Settings(partner="Anna")
        wanted = Settings(
            "Mum", "has a cold", "gguf", "/models/m.gguf", False, 0.5, False, False, Sampling(0.1, 0.5, 0.2, 99, 7)
        )
        store.configure(chat.id, wanted)
        assert store.conversation(chat.id).settings == wanted
        assert store.conversation(chat.id).partner == "Mum"
        assert store.settings(other.id) == Settings()

    def test_strength(self) -> None:
        """Off is nothing of the adapter; what no engine takes is refused."""
        assert Settings().applied_strength is None
        assert Settings(strength=1.5).applied_strength == 1.5
        assert Settings(strength=1.5, adapter=False).applied_strength == 0
        with pytest.raises(ChatcloneError, match="strength"):
            Settings(strength=2.5)

    def test_a_newer_versions_settings_are_read(self) -> None:
        """What is not known is left out."""
        assert Settings.from_json('{"partner": "Mum", "mood": "grumpy"}') == Settings(partner="Mum")


class TestBranches:
    """Editing and writing again make versions beside each other; nothing is lost."""

    def test_a_second_reply_is_shown_and_the_first_is_kept(self, store: ChatStore) -> None:
        """Both have the same parent; either can be shown."""
        question, first = talk(store, "hi", "one")
        second = store.add(first.conversation, "assistant", "two", parent=question.id)
        assert shown(store, first.conversation) == ["hi", "two"]
        assert store.siblings(second) == [first.id, second.id]
        assert [(m.version, m.versions) for m in store.messages(first.conversation)] == [(1, 1), (2, 2)]
        store.show(first.id)
        assert shown(store, first.conversation) == ["hi", "one"]

    def test_every_fork_keeps_what_was_chosen_below_it(self, store: ChatStore) -> None:
        """Going back to a version brings back the branch as it was shown, not only the newest."""
        a, b, c, d = talk(store, "a", "b", "c", "d")
        store.add(a.conversation, "assistant", "d2", parent=c.id)
        store.show(d.id)
        store.edit(a, "A")
        assert shown(store, a.conversation) == ["A"]
        store.show(a.id)
        assert shown(store, a.conversation) == ["a", "b", "c", "d"]
        store.show_until(b.id)
        assert shown(store, a.conversation) == ["a", "b"]

    def test_a_message_added_elsewhere_is_shown_with_all_above_it(self, store: ChatStore) -> None:
        """A reply to a question of a branch that is not shown brings that branch back."""
        a, b, c = talk(store, "a", "b", "c")
        store.edit(a, "A")
        store.add(a.conversation, "assistant", "d", parent=c.id)
        assert shown(store, a.conversation) == ["a", "b", "c", "d"]
        assert store.message(b.id).depth == 1

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(["add", "show", "until", "delete", "restore"]), st.integers(0, 99))))
    def test_any_sequence_keeps_the_tree_sound(
        self, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
    ) -> None:
        """What is shown is always one unbroken branch whose length is what is counted."""
        store = ChatStore.open(tmp_path_factory.mktemp("chats") / "chats.sqlite")
        chat = store.create("x").id
        for step, number in steps:
            live = [row[0] for row in store._read("SELECT id FROM messages WHERE deletion_id IS NULL ORDER BY id")]
            chosen = live[number % len(live)] if live else None
            if step == "add" or chosen is None:
                store.add(chat, "user", "x", parent=chosen if number % 5 else None)
            elif step == "show":
                store.show(chosen)
                assert chosen in [m.id for m in store.messages(chat)]
            elif step == "until":
                store.show_until(chosen)
                assert store.messages(chat)[-1].id == chosen
            elif step == "delete":
                store.delete_message(store.message(chosen))
            elif found := store.deletions():
                restored = store.restore(found[number % len(found)])
                assert restored.message in [m.id for m in store.messages(chat)]
            branch = store.messages(chat)
            assert [m.depth for m in branch] == list(range(store.length(chat)))
            assert [m.parent for m in branch] == [None, *(m.id for m in branch)][: len(branch)]
            assert all(store.siblings(m)[m.version - 1] == m.id for m in branch)
            assert all(len(store.siblings(m)) == m.versions for m in branch)
        store.close()


class TestPages:
    """A long conversation is read a page at a time."""

    @pytest.fixture
    def long(self, store: ChatStore) -> list[StoredMessage]:
        """A conversation of fifty messages with a second version in the middle, not shown."""
        said = talk(store, *(str(number) for number in range(50)))
        store.edit(said[25], "another")
        store.show(said[25].id)
        return said

    def test_the_end_of_it(self, store: ChatStore, long: list[StoredMessage]) -> None:
        """It opens there."""
        assert [m.text for m in store.messages(long[0].conversation, limit=3)] == ["47", "48", "49"]
        assert len(store.messages(long[0].conversation)) == 50
        assert store.length(long[0].conversation) == 50

    def test_next_to_a_message(self, store: ChatStore, long: list[StoredMessage]) -> None:
        """Before, after, and around, always of the branch that is shown and in order."""
        chat = long[0].conversation

        def page(**where: int) -> list[int]:
            return [int(m.text) for m in store.messages(chat, 4, **where)]

        assert page(before=long[27].id) == [23, 24, 25, 26]
        assert page(before=long[1].id) == [0]
        assert page(before=long[0].id) == []
        assert page(after=long[23].id) == [24, 25, 26, 27]
        assert page(after=long[49].id) == []
        assert page(around=long[25].id) == [23, 24, 25, 26]
        assert page(around=long[0].id) == [0, 1, 2, 3]
        assert page(around=long[49].id) == [46, 47, 48, 49]

    def test_places_count_the_versions(self, store: ChatStore, long: list[StoredMessage]) -> None:
        """Whatever page they are read in."""
        page = store.messages(long[0].conversation, 3, around=long[25].id)
        assert [(m.depth, m.version, m.versions) for m in page] == [(24, 1, 1), (25, 1, 2), (26, 1, 1)]


class TestMemory:
    """What a reply was given stays with it, until memory forgets it."""

    def test_a_forgotten_passage_is_taken_from_replies(self, store: ChatStore) -> None:
        """Others stay."""
        _, reply = talk(store, "hi", "hey")
        other = replace(HIT, id=8, text="2023-11-14 Mira: rain")
        store.save(replace(reply, memory=(HIT, other)))
        assert store.drop_memory(lambda hit: "cat" in hit.text) == 1
        assert store.message(reply.id).memory == (other,)
        assert store.drop_memory(lambda hit: "cat" in hit.text) == 0
