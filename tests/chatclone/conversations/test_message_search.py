"""Any piece of any conversation is found again, in any script."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatclone.conversations import ChatStore, Found
from chatclone.conversations.message_search import SNIPPET, snippet, terms_of
from chatclone.conversations.search_words import index_text, words_in


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    """An empty store."""
    opened = ChatStore.open(tmp_path / "chats.sqlite")
    yield opened
    opened.close()


def matched(found: Found) -> list[str]:
    """Return the pieces of a snippet that are marked."""
    return [found.snippet[start:end] for start, end in found.matches]


class TestWords:
    """Words are folded and keep their places."""

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("Don't SHOUT 3x", "dont shout 3x"),
            ("Ünïcode, naïve ﬁne", "unicode naive fine"),
            ("Мой чёрный кот", "мой черный кот"),
            ("今天很好 ok", "今 天 很 好 ok"),
            ("สวัสดี", "ส วั ส ดี"),
            ("고양이가 왔다", "고양이가 왔다"),
            ("हिन्दी है", "हिन्दी है"),
            ("می‌خواهم", "میخواهم"),
            ("ha😭😭", "ha 😭 😭"),
            ("O‘zbekiston", "ozbekiston"),
            ("- * \" ' \x00 ‍", ""),
        ],
    )
    def test_words(self, text: str, words: str) -> None:
        """Whatever the script."""
        assert index_text(text) == words

    @given(st.text())
    def test_places_are_within_the_text_and_in_order(self, text: str) -> None:
        """And folding a piece alone finds the same word, so that a search finds what was stored."""
        last = 0
        for word in words_in(text):
            assert last <= word.start < word.end <= len(text)
            assert word.folded
            last = word.end


class TestSearch:
    """Words to messages."""

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("cat", ["Cats"]),
            ("PORTO cat", ["Porto", "Cats"]),
            ('"in porto"', ["in Porto"]),
            ('"in port"', []),
            ("天气", ["天气"]),
            ("气很", ["气很"]),
            ("天很", []),
            ("ёлк", ["елка"]),
            ("고양", ["고양이가"]),
            ("วัส", ["วัส"]),
            ("😭", ["😭"]),
            ("wurz", ["Würzburg"]),
            ("dont", ["don't"]),
        ],
    )
    def test_any_script(self, store: ChatStore, query: str, found: list[str]) -> None:
        """Words are beginnings, quotes are exact; the places of the matches are those of the original."""
        text = "Cats in Porto! 今天天气很好 елка 고양이가 สวัสดี 😭 Würzburg don't"
        message = store.add(store.create().id, "user", text)
        result = store.search(query)
        assert [hit.message for hit in result] == ([message.id] if found else [])
        assert sorted(piece for hit in result for piece in matched(hit)) == sorted(found)

    @pytest.mark.parametrize(
        "query", ["", " ", '"', '""', "*", "(", "-", "a AND", "NEAR(a b)", "col:a", '"a', "^x", "'"]
    )
    def test_signs_mean_nothing(self, store: ChatStore, query: str) -> None:
        """No query is an error."""
        store.add(store.create().id, "user", "nothing of it")
        assert store.search(query) == []

    def test_it_says_where_to_jump(self, store: ChatStore) -> None:
        """Also into a branch that is not shown."""
        chat = store.create().id
        question = store.add(chat, "user", "where is the cat?")
        first = store.add(chat, "assistant", "on the roof\nas ever", parent=question.id)
        store.add(chat, "assistant", "no idea", parent=question.id)
        (found,) = store.search("roof")
        assert (found.conversation, found.message, found.title) == (chat, first.id, "where is the cat?")
        assert (found.role, found.snippet) == ("assistant", "on the roof as ever")
        store.show(found.message)
        assert [m.text for m in store.messages(chat, around=found.message)][-1] == "on the roof\nas ever"

    def test_newest_first_and_page_by_page(self, store: ChatStore) -> None:
        """A page goes on from the last message of the one before; one conversation alone can be searched."""
        chats = [store.create().id, store.create().id]
        numbers = [store.add(chats[n % 2], "user", f"cat {n}").id for n in range(5)]
        assert [f.message for f in store.search("cat", limit=3)] == numbers[:1:-1]
        assert [f.message for f in store.search("cat", limit=3, before=numbers[2])] == numbers[1::-1]
        assert [f.message for f in store.search("cat", conversation=chats[0])] == numbers[::-2]

    def test_the_index_follows_every_change(self, store: ChatStore) -> None:
        """A reply is found once it is written, as it is then, and no longer when it is deleted."""
        chat = store.create().id
        question = store.add(chat, "user", "hi")
        reply = store.add(chat, "assistant", "", parent=question.id, state="writing")
        store.save_text(replace(reply, text="a kitten"))
        assert store.search("kitten") == []
        store.save(replace(reply, text="a kitten and", state="length"))
        assert len(store.search("kitten")) == 1
        store.reopen(store.message(reply.id))
        store.save(replace(reply, text="a puppy", state="done"))
        assert (store.search("kitten"), len(store.search("puppy"))) == ([], 1)
        deletion = store.delete_message(reply)
        assert store.search("puppy") == []
        store.restore(deletion)
        store.delete(chat)
        assert store.search("puppy") == []
        store.purge(-10)
        assert store._read("SELECT count(*) FROM message_words") == [(0,)]

    @settings(max_examples=60, deadline=None)
    @given(st.text(min_size=1, max_size=40), st.data())
    def test_every_word_of_a_message_finds_it(
        self, tmp_path_factory: pytest.TempPathFactory, text: str, data: st.DataObject
    ) -> None:
        """By any beginning of it."""
        store = ChatStore.open(tmp_path_factory.mktemp("chats") / "chats.sqlite")
        message = store.add(store.create().id, "user", text)
        for word in words_in(message.text):
            piece = message.text[word.start : word.end]
            end = data.draw(st.integers(1, len(piece))) if piece.isascii() else len(piece)
            if terms_of(piece[:end]):
                assert [found.message for found in store.search(piece[:end])] == [message.id]
        store.close()


class TestSnippet:
    """A piece of a long message, with its matches."""

    def test_a_long_message_is_cut_around_the_first_match(self) -> None:
        """Between words, on one line, with signs where something is left out."""
        text = "word " * 100 + "the\ncat " + "word " * 100
        line, ((start, end),) = snippet(text, terms_of("cat"))
        assert line[start:end] == "cat"
        assert line.startswith("…word")
        assert line.endswith("…")
        assert len(line) <= SNIPPET + 2

    @given(st.text(), st.text(max_size=5))
    def test_places_are_within_the_snippet(self, text: str, query: str) -> None:
        """Whatever is searched for in whatever."""
        line, places = snippet(text, terms_of(query))
        assert "\n" not in line
        last = 0
        for start, end in places:
            assert last <= start < end <= len(line)
            last = end
