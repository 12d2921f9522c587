"""Conversations leave and come back: JSON without loss, Markdown with all that was said."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatclone.conversations import ChatStore, Origin, Settings, file_formats
from chatclone.conversations.document import ConversationDocument, MessageDocument
from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError
from memory.search.recall import Hit

HIT = Hit(7, 1_700_000_000, "Mira", "2023-11-14 Mira: a cat!!", 0.5, "Anna")
NOW = 1_795_257_000
HOSTILE = """# Title

### You · 2026-11-21T10:30:00+00:00

> not me
```python
### Mira (clone) · 2026-11-21T10:30:00+00:00 · failed
```
- clone: Eve
---
1. one
12) two
   indented\t
<b>x</b> &amp; &#35; \\> \\\\ $x$ [a](b) ![c](d) | ~~no~~
\x1b[31m\r\n\x00\u202e\u2028end \n\n"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    """An empty store."""
    opened = ChatStore.open(tmp_path / "chats.sqlite", lambda: NOW)
    yield opened
    opened.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ChatStore]:
    """Another one, with a conversation of its own so that ids differ."""
    opened = ChatStore.open(tmp_path / "other.sqlite", lambda: NOW + 99)
    opened.add(opened.create().id, "user", "something else")
    yield opened
    opened.close()


def rich(store: ChatStore) -> int:
    """Make a conversation with everything a conversation can have and return its id."""
    wanted = Settings("Mum", "a cold", "gguf", "m.gguf", False, 0.5, False, False, Sampling(seed=3))
    chat = store.create("x", settings=wanted).id
    question = store.add(chat, "user", "whats your cat called")
    reply = store.add(chat, "assistant", "", parent=question.id, state="writing")
    origin = Origin("gguf", "m.gguf", "runs/1/adapter", 0.5, 7, Sampling(0.1, seed=7), "Mum", True)
    figures = {"tokens_per_second": 4.5}
    store.save(replace(reply, text="biscuit!!\nhe is", state="length", memory=(HIT,), stats=figures, origin=origin))
    second = store.add(chat, "assistant", HOSTILE, parent=question.id)
    store.add(chat, "user", "ok", parent=second.id)
    store.delete_message(store.edit(question, "deleted"))
    store.show(reply.id)
    store.rename(chat, "the cat")
    store.pin(chat)
    store.mark_read(chat)
    store.add(chat, "user", "unread 😭", parent=reply.id)
    return chat


class TestJson:
    """Nothing is lost."""

    def test_there_and_back_is_the_same_file(self, store: ChatStore, other: ChatStore) -> None:
        """Branches, versions, settings, memory, figures, origins, what is read and shown; but not what was deleted."""
        chat = rich(store)
        text = file_formats.written([store.document(chat)], "json", "Mira")
        assert "deleted" not in text
        (added,) = other.insert(file_formats.read(text.encode()))
        assert file_formats.written([other.document(added.id)], "json", "Mira") == text
        assert added == replace(store.conversation(chat), id=added.id)
        assert [m.text for m in other.messages(added.id)] == [m.text for m in store.messages(chat)]
        assert other.messages(added.id)[1].memory == (HIT,)
        assert [m.versions for m in other.messages(added.id)] == [1, 2, 1]
        assert [found.snippet[:7] for found in other.search("biscuit")] == ["biscuit"]
        other.show(other.siblings(other.messages(added.id)[1])[1])
        assert [m.text for m in other.messages(added.id)][1:] == [HOSTILE, "ok"]

    def test_what_is_here_already_does_not_come_twice(self, store: ChatStore) -> None:
        """From either format; one message more makes it another conversation."""
        chat = rich(store)
        for kind in ("json", "markdown"):
            text = file_formats.written([store.document(chat)], "markdown" if kind == "markdown" else "json", "Mira")
            assert store.insert(file_formats.read(text.encode())) == []
        document = store.document(chat)
        more = MessageDocument(9, "user", "more", NOW, parent=document.messages[-1].id)
        assert len(store.insert([replace(document, messages=(*document.messages, more))])) == 1

    def test_a_reply_that_is_being_written_is_interrupted_there(self, store: ChatStore, other: ChatStore) -> None:
        """Nobody writes it on."""
        chat = store.create().id
        store.save_text(replace(store.add(chat, "assistant", "", state="writing"), text="so"))
        (added,) = other.insert([store.document(chat)])
        assert [(m.text, m.state) for m in other.messages(added.id)] == [("so", "interrupted")]

    @pytest.mark.parametrize(
        "change",
        [
            {"format": "something"},
            {"version": 2},
            {"version": "1"},
            {"conversations": 3},
            {"conversations": [{"title": "x"}]},
        ],
    )
    def test_another_file_is_refused(self, change: dict[str, Any]) -> None:
        """With a hint, whatever is wrong with it."""
        file = {"format": file_formats.FORMAT, "version": 1, "persona": "Mira", "conversations": []} | change
        with pytest.raises(ChatcloneError) as caught:
            file_formats.read(json.dumps(file).encode())
        assert caught.value.hint

    @pytest.mark.parametrize("data", [b"{", b"[]", b"{}", b"[" * 100_000, b"\xff\xfe{", b"", b"\x00"])
    def test_no_file_of_ours(self, data: bytes) -> None:
        """No bytes are anything but an error with a hint."""
        with pytest.raises(ChatcloneError) as caught:
            file_formats.read(data)
        assert caught.value.hint

    @pytest.mark.parametrize(
        "changes",
        [
            {"parent": 2},
            {"parent": 1},
            {"selected": 1},
            {"id": 1, "selected": 7},
            {"created_at": 10**15},
            {"created_at": -1},
            {"role": "system"},
            {"state": "sleeping"},
            {"text": None},
            {"memory": [{"id": 1}]},
            {"memory": [{"id": 1, "when": 10**15, "who": "", "text": "", "score": 1.0, "chat": ""}]},
            {"origin": {"engine": 3}},
        ],
    )
    def test_a_conversation_that_is_no_tree_is_refused_whole(self, store: ChatStore, changes: dict[str, Any]) -> None:
        """Nothing of the file is stored."""
        chat = store.create().id
        store.add(chat, "user", "hi")
        table = json.loads(file_formats.written([store.document(chat)], "json", "Mira"))
        bad = json.loads(json.dumps(table["conversations"][0]))
        bad["messages"][0] |= changes
        table["conversations"] = [{**table["conversations"][0], "title": "fine", "messages": [], "first": None}, bad]
        with pytest.raises(ChatcloneError):
            store.insert(file_formats.read(json.dumps(table).encode()))
        assert store.count() == 1

    def test_a_strength_that_no_engine_takes_is_refused(self, store: ChatStore) -> None:
        """Settings are read by the same rules as they are set by."""
        chat = store.create().id
        text = file_formats.written([store.document(chat)], "json", "Mira").replace(
            '"strength": null', '"strength": 9.0'
        )
        with pytest.raises(ChatcloneError, match="strength"):
            file_formats.read(text.encode())


class TestMarkdown:
    """What was said, in a form to read, and back."""

    def test_how_it_looks(self, store: ChatStore) -> None:
        """Headings say who and when; a line is a line."""
        chat = rich(store)
        assert file_formats.written([store.document(chat)], "markdown", "Mira").split("\n") == [
            "# the cat",
            "",
            "- clone: Mira",
            "- partner: Mum",
            "",
            "### You · 2026-11-21T10:30:00+00:00",
            "",
            "> whats your cat called",
            "",
            "### Mira (clone) · 2026-11-21T10:30:00+00:00 · length",
            "",
            "> biscuit!!  ",
            "> he is",
            "",
            "### You · 2026-11-21T10:30:00+00:00",
            "",
            "> unread 😭",
            "",
        ]

    def test_several_conversations_in_one_file(self, store: ChatStore, other: ChatStore) -> None:
        """As an export of all has them."""
        numbers = [rich(store), store.create("empty").id]
        text = file_formats.written((store.document(n) for n in numbers), "markdown", "Mira")
        added = other.insert(file_formats.read(text.encode()))
        assert [(c.title, c.length, c.partner, c.renamed) for c in added] == [
            ("the cat", 3, "Mum", True), ("empty", 0, "", False),
        ]  # fmt: skip
        assert file_formats.written((other.document(c.id) for c in added), "markdown", "Mira") == text

    def test_no_line_of_a_message_stands_at_the_beginning_of_a_line(self) -> None:
        """So none is a heading, a rule, a fence or another message, and none reaches a viewer as markup."""
        text = file_formats.written([conversation([HOSTILE])], "markdown", "Mira")
        body = text.split("\n")[6:]
        assert all(not line or line.startswith(">") for line in body)
        assert not {"\x1b", "\r", "\x00", "\u202e", "\u2028"} & set(text)
        assert "<b>" not in text.replace("\\<", "")
        assert not [line for line in body if line.startswith(("> #", "> -", "> ```", "> 1.", "> 12)", ">  "))]

    def test_an_editor_may_have_been_at_it(self) -> None:
        """Line ends of Windows, a byte order mark, stripped or added spaces and blank lines change nothing."""
        said = conversation(["hi\n\n  there ", HOSTILE])
        text = file_formats.written([said], "markdown", "Mira")
        stripped = "\n\n".join(line.rstrip() for line in text.split("\n"))
        for changed in (text.replace("\n", "\r\n"), "\ufeff" + text, stripped, text.replace("\n", " \n")):
            (back,) = file_formats.read(changed.encode())
            assert [m.text for m in back.messages] == [m.text for m in said.messages]

    @pytest.mark.parametrize(
        "line",
        [
            "hello",
            "### You",
            "### You · yesterday",
            "### Eve · 2026-11-21T10:30:00+00:00",
            "### You · 2026-13-21T10:30:00+00:00",
            "### You · 2026-11-21T10:30:00+00:00 · asleep",
        ],
    )
    def test_a_line_that_is_not_ours_is_named(self, line: str) -> None:
        """Nothing is guessed and nothing is left out."""
        text = file_formats.written([conversation(["hi"])], "markdown", "Mira") + line
        with pytest.raises(ChatcloneError, match=r"line \d+") as caught:
            file_formats.read(text.encode())
        assert caught.value.hint

    @settings(deadline=None)
    @given(
        st.lists(st.tuples(st.text(), st.sampled_from(["done", "cancelled", "failed"])), max_size=5),
        st.text(max_size=30),
        st.text(max_size=10),
    )
    def test_any_text_comes_back(self, texts: list[tuple[str, Any]], title: str, persona: str) -> None:
        """Letter by letter, with who said it, when, and its state, under the same title."""
        said = conversation([text for text, _ in texts], title=title)
        states = [state for _, state in texts]
        messages = tuple(replace(m, state=state) for m, state in zip(said.messages, states, strict=True))
        said = replace(said, messages=messages, title=" ".join(title.split()))
        (back,) = file_formats.read(file_formats.written([said], "markdown", persona).encode())
        assert (back.title, back.messages) == (said.title, said.messages)


def conversation(texts: list[str], title: str = "hi") -> ConversationDocument:
    """Return a conversation of these messages, mine and the clone's in turn, a minute apart."""
    count = len(texts)
    messages = tuple(
        MessageDocument(
            number + 1, "assistant" if number % 2 else "user", text, NOW + 60 * number,
            parent=number or None, selected=number + 2 if number + 1 < count else None,
        )
        for number, text in enumerate(texts)
    )  # fmt: skip
    return ConversationDocument(title, NOW, NOW, messages, first=1 if messages else None, read=count)


class TestDocumentation:
    """The examples in docs/conversations.md are files that can be imported."""

    def test_examples(self) -> None:
        """The JSON and the Markdown one."""
        text = (Path(__file__).parents[3] / "docs" / "conversations.md").read_text("utf-8")
        examples = {kind: text.split(f"```{kind}\n")[1].split("```")[0] for kind in ("json", "markdown")}
        for example in examples.values():
            (found,) = file_formats.read(example.encode())
            assert (found.title, len(found.messages), found.settings.partner) == ("the cat", 2, "Anna")
