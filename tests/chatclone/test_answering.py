"""A reply is saved at every step, whatever ends it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatclone.answering import answer, begin_reply, explain
from chatclone.chats import ChatStore, Speaker, StoredMessage
from chatclone.engines.base import Reading
from chatclone.errors import ChatcloneError
from memory.search import Hit
from tests.fakes import FakeEngine, fake_clone

HIT = Hit(7, 1_700_000_000, "Mira", "2023-11-14 Mira: a cat!!", 0.5, "Anna")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    """An empty store."""
    opened = ChatStore.open(tmp_path / "chats.sqlite")
    yield opened
    opened.close()


def ask(store: ChatStore, *texts: str) -> StoredMessage:
    """Begin a conversation of these messages, mine and the clone's in turn, and the reply to the last one."""
    chat = store.create(texts[0]).id
    message = None
    for number, text in enumerate(texts):
        role: Speaker = "assistant" if number % 2 else "user"
        message = store.add(chat, role, text, parent=message.id if message else None)
    assert message is not None
    return begin_reply(store, message)


def test_every_state_is_in_the_file_before_it_is_handed_on(store: ChatStore) -> None:
    """What is yielded can be read from the store at that moment."""
    reply = ask(store, "hi")
    texts = []
    for event in answer(fake_clone(FakeEngine(("he", "y")), HIT), store, reply, cancelled=lambda: False):
        if not isinstance(event, Reading):
            saved = store.messages(reply.conversation)[-1]
            assert (saved.text, saved.state, saved.memory) == (event.text, event.state, event.memory)
            texts.append(event.text)
    assert texts == ["", "he", "hey", "hey"]


def test_a_finished_reply_has_its_memory_and_figures(store: ChatStore) -> None:
    """They are found again with the conversation."""
    reply = ask(store, "hi")
    list(answer(fake_clone(FakeEngine(("he", "y")), HIT), store, reply, cancelled=lambda: False))
    saved = store.messages(reply.conversation)[-1]
    assert (saved.state, saved.memory) == ("finished", (HIT,))
    assert saved.stats["reply_tokens"] == 2
    assert saved.stats["stopped_by"] == "end_of_turn"
    assert saved.stats["engine"] == "fake"


def test_the_prompt_is_the_branch_without_empty_replies(store: ChatStore) -> None:
    """A reply that never got a word is not shown to the model."""
    engine = FakeEngine()
    list(answer(fake_clone(engine), store, ask(store, "hi", "", "there?"), cancelled=lambda: False))
    turns = [(m.role, m.content) for m in engine.prompts[0].messages[1:]]
    assert turns == [("user", "hi"), ("user", "there?")]


def test_a_cancelled_reply_is_stopped_and_keeps_its_text(store: ChatStore) -> None:
    """The state is a word beside the text, and the text is what was written."""
    reply = ask(store, "hi")
    cancelled: list[bool] = []
    for event in answer(fake_clone(FakeEngine(("he", "y"))), store, reply, cancelled=lambda: bool(cancelled)):
        if not isinstance(event, Reading) and event.text == "he":
            cancelled.append(True)
    saved = store.messages(reply.conversation)[-1]
    assert (saved.text, saved.state) == ("he", "stopped")


def test_an_error_is_saved_with_what_was_written(store: ChatStore) -> None:
    """It is raised too: the caller says it to the user."""
    reply = ask(store, "hi")
    engine = FakeEngine(("he", ChatcloneError("the graphics memory is full", "use a smaller model")))
    with pytest.raises(ChatcloneError):
        list(answer(fake_clone(engine), store, reply, cancelled=lambda: False))
    saved = store.messages(reply.conversation)[-1]
    assert (saved.text, saved.state) == ("he", "failed")
    assert saved.stats["error"] == "the graphics memory is full\nuse a smaller model"


def test_a_reader_that_goes_away_stops_the_reply(store: ChatStore) -> None:
    """Closing the stream in the middle leaves nothing running."""
    reply = ask(store, "hi")
    events = answer(fake_clone(FakeEngine(("he", "y"))), store, reply, cancelled=lambda: False)
    for event in events:
        if not isinstance(event, Reading) and event.text:
            break
    events.close()
    assert store.messages(reply.conversation)[-1].state == "stopped"


def test_a_bug_is_named_by_its_type() -> None:
    """A person sees that it is not their doing."""
    assert explain(RuntimeError("index out of range")) == "RuntimeError: index out of range"
