"""What the person would have said instead becomes a preference pair that a trainer can read."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatclone.conversations import ChatStore, StoredMessage
from chatclone.conversations.corrections import FILE, correct, correction_of, corrections, undo
from chatclone.errors import ChatcloneError
from memory.search.recall import Hit

HIT = Hit(7, 1_700_000_000, "Mira", "2023-11-14 Mira: a cat!!\n2023-11-14 Anna: omg", 0.5, "Anna")
NOW = 1_795_257_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    """An empty store."""
    opened = ChatStore.open(tmp_path / "chats.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def reply(store: ChatStore) -> StoredMessage:
    """A reply to the second question of a conversation with Anna, which was written in two bubbles."""
    chat, parent = store.create("hi", partner="Anna").id, None
    for role, text in (("user", "hi"), ("assistant", "hey"), ("assistant", ""), ("user", "so"), ("user", "ur cat?")):
        parent = store.add(chat, "user" if role == "user" else "assistant", text, parent=parent).id
    reply = replace(store.add(chat, "assistant", "I own a feline.", parent=parent), memory=(HIT,))
    store.save(reply)
    return reply


def test_a_pair_is_in_the_form_of_trl(store: ChatStore, reply: StoredMessage, tmp_path: Path) -> None:
    """Conversation so far, chosen, rejected, as OpenAI messages; empty replies left out, bubbles joined."""
    made = correct(store, tmp_path / "dataset", reply, " biscuit!!\nhe is fat ", NOW)
    (line,) = (tmp_path / "dataset" / FILE).read_text("utf-8").splitlines()
    assert json.loads(line) == {
        "prompt": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hey"},
            {"role": "user", "content": "so\nur cat?"},
        ],
        "chosen": [{"role": "assistant", "content": "biscuit!!\nhe is fat"}],
        "rejected": [{"role": "assistant", "content": "I own a feline."}],
        "meta": {
            "id": made.id,
            "conversation": reply.conversation,
            "message": reply.id,
            "partner": "Anna",
            "memory": ["2023-11-14 Mira: a cat!!", "2023-11-14 Anna: omg"],
            "corrected_at": NOW,
        },
    }
    assert corrections(tmp_path / "dataset") == [made]
    assert correction_of(tmp_path / "dataset", reply) == made
    assert (tmp_path / "dataset" / FILE).stat().st_mode & 0o777 == 0o600


def test_the_same_reply_has_one_correction(store: ChatStore, reply: StoredMessage, tmp_path: Path) -> None:
    """A later one replaces it, also where the same reply was written again; another reply has its own."""
    correct(store, tmp_path, reply, "one", NOW)
    again = store.edit(reply, reply.text)
    second = correct(store, tmp_path, again, "two", NOW + 1)
    other = correct(store, tmp_path, store.edit(reply, "My pet is a cat."), "three", NOW + 2)
    assert corrections(tmp_path) == [second, other]
    assert second.id != other.id


def test_undo(store: ChatStore, reply: StoredMessage, tmp_path: Path) -> None:
    """The pair is gone, others stay; a second undo says so."""
    first = correct(store, tmp_path, reply, "one", NOW)
    second = correct(store, tmp_path, store.edit(reply, "My pet is a cat."), "two", NOW)
    assert undo(store, tmp_path, first.id) == first
    assert corrections(tmp_path) == [second]
    assert correction_of(tmp_path, reply) is None
    with pytest.raises(ChatcloneError, match="no such correction"):
        undo(store, tmp_path, first.id)


def test_it_outlives_its_conversation(store: ChatStore, reply: StoredMessage, tmp_path: Path) -> None:
    """It is a part of the data set."""
    made = correct(store, tmp_path, reply, "one", NOW)
    store.delete(reply.conversation)
    store.purge(-10)
    assert corrections(tmp_path) == [made]


def test_what_cannot_be_a_pair_is_refused(store: ChatStore, reply: StoredMessage, tmp_path: Path) -> None:
    """And nothing is written."""
    question = store.message(reply.parent or 0)
    beginning = store.add(reply.conversation, "assistant", "hello")
    for message, better in ((reply, " "), (reply, f" {reply.text} "), (question, "x"), (beginning, "x")):
        with pytest.raises(ChatcloneError) as caught:
            correct(store, tmp_path, message, better, NOW)
        assert caught.value.hint
    with pytest.raises(ChatcloneError):
        correct(store, tmp_path, replace(reply, state="writing"), "x", NOW)
    assert not (tmp_path / FILE).exists()
    assert corrections(tmp_path) == []


def test_a_broken_line_is_named_and_kept(store: ChatStore, reply: StoredMessage, tmp_path: Path) -> None:
    """Somebody who edits the file by hand loses nothing."""
    (tmp_path / FILE).write_text('{"prompt": []}\n', "utf-8")
    with pytest.raises(ChatcloneError, match="line 1"):
        correct(store, tmp_path, reply, "one", NOW)
    assert (tmp_path / FILE).read_text("utf-8") == '{"prompt": []}\n'
