"""What a person told the clone is remembered, marked as such; what the clone made up is not."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chatclone.clone.chat_notes import CHAT_NAME, remember_question
from chatclone.clone.clone import Clone
from chatclone.clone.saved_reply import answer, begin_reply
from chatclone.conversations import ChatStore
from chatclone.personas.persona import Persona
from memory.memory import Memory
from memory.passages import Line
from tests.fakes import FakeEngine


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    """An empty store of conversations."""
    with closing(ChatStore.open(tmp_path / "chats.sqlite")) as opened:
        yield opened


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    """A clone of Mira that talks to Theo and remembers on disk."""
    with Memory.open(tmp_path / "memory.sqlite") as memory:
        yield Clone(Persona(tmp_path, "Mira"), FakeEngine("i moved to Porto", "ok"), memory, "Theo")


def say(clone: Clone, store: ChatStore, conversation: int, text: str) -> None:
    """Send a message and have it answered."""
    earlier = store.messages(conversation)
    question = store.add(conversation, "user", text, parent=earlier[-1].id if earlier else None)
    list(answer(clone, store, begin_reply(store, question), cancelled=lambda: False))


def remembered(clone: Clone) -> list[str]:
    """Return every line memory holds."""
    assert clone.memory is not None
    return [line for hit in clone.memory.list() for line in hit.text.split("\n")]


class TestTelling:
    """A conversation with the clone."""

    def test_what_i_said_is_found_later(self, clone: Clone, store: ChatStore) -> None:
        """My words are there under my name, in a chat of their own, and the reply's words are not."""
        say(clone, store, store.create("hi").id, "i have moved to Lisbon")
        assert clone.memory is not None
        (hit,) = clone.memory.recall("where is Lisbon", words=100).hits
        assert (hit.who, hit.chat) == ("Theo", CHAT_NAME)
        assert hit.text.endswith("Theo: i have moved to Lisbon")
        assert clone.memory.recall("Porto").hits == ()
        assert clone.memory.check() == []

    def test_it_outlives_an_import(self, clone: Clone, store: ChatStore) -> None:
        """The next sync with the archive leaves it alone, and it is never in the archive."""
        say(clone, store, store.create("hi").id, "i have moved to Lisbon")
        assert clone.memory is not None
        clone.memory.sync([Line("telegram:c/1", "telegram:c", "c", "Anna", 0, "the sea")])
        clone.memory.sync([])
        assert [line[11:] for line in remembered(clone)] == ["Theo: i have moved to Lisbon"]
        assert not (clone.persona.archive_file).exists()

    def test_a_deleted_conversation_leaves_memory(self, clone: Clone, store: ChatStore) -> None:
        """The next time memory is opened and used, what only a deleted conversation held is gone."""
        first, second = store.create("one").id, store.create("two").id
        say(clone, store, first, "my secret is blue")
        store.delete(first)
        with Memory.open(clone.persona.memory_file) as memory:
            say(replace(clone, memory=memory), store, second, "hello again friend")
            assert memory.recall("secret blue").hits == ()

    def test_it_can_be_turned_off(self, clone: Clone, store: ChatStore) -> None:
        """`remember_chats = false` in persona.toml keeps memory as it is."""
        quiet = replace(clone, persona=replace(clone.persona, remember_chats=False))
        say(quiet, store, store.create("hi").id, "i have moved to Lisbon")
        assert remembered(clone) == []

    def test_who_was_forgotten_stays_so(self, clone: Clone, store: ChatStore) -> None:
        """A tombstone of a person also holds for what they tell the clone."""
        assert clone.memory is not None
        clone.memory.forget(person="Theo")
        say(clone, store, store.create("hi").id, "i have moved to Lisbon")
        assert remembered(clone) == []

    def test_a_failing_memory_harms_no_reply(self, clone: Clone, store: ChatStore) -> None:
        """A store that cannot be written is logged, and that is all."""
        assert clone.memory is not None
        chat = store.create("hi").id
        question = store.add(chat, "user", "i have moved")
        clone.memory._writer.execute("PRAGMA query_only = ON")
        remember_question(clone, store, [question])
        assert remembered(clone) == []
