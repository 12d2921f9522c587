"""Text from a growing list of tokens."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from chatclone.engines.token_loop import TextStream


def _bytes(ids: Sequence[int]) -> str:
    """Decode as byte-level BPE does: here a token is one byte; higher ids are special tokens."""
    return bytes(i for i in ids if i < 256).decode("utf-8", "replace")


def _words(ids: Sequence[int]) -> str:
    """Decode as SentencePiece does: a token is a word with its leading space, which is dropped at the start."""
    return "".join(f" {i}" for i in ids).removeprefix(" ")


def _streamed(stream: TextStream, ids: Sequence[int]) -> list[str]:
    return [*(stream.push(i) for i in ids), stream.rest()]


class TestTextStream:
    """The pieces join to the text of all tokens, in whole characters, decoding only the last few tokens."""

    @given(st.text(st.characters(codec="utf-8", exclude_characters="\ufffd")), st.lists(st.integers(0, 40), max_size=4))
    def test_characters(self, text: str, specials: list[int]) -> None:
        """A character of several tokens is returned whole, also with special tokens in between."""
        ids = [*text.encode()]
        for place in specials:
            ids.insert(place, 300)
        pieces = _streamed(TextStream(_bytes), ids)
        assert "".join(pieces) == _bytes(ids)
        assert not any("\ufffd" in piece for piece in pieces)

    @given(st.lists(st.integers(0, 300), max_size=40))
    def test_any_bytes(self, ids: list[int]) -> None:
        """Invalid bytes raise nothing; an unfinished character at the end is dropped."""
        assert "".join(_streamed(TextStream(_bytes), ids)).rstrip("\ufffd") == _bytes(ids).rstrip("\ufffd")

    @given(st.lists(st.integers(0, 300)))
    def test_spaces(self, ids: list[int]) -> None:
        """A token's leading space is kept within the text."""
        assert "".join(_streamed(TextStream(_words), ids)) == _words(ids)

    def test_cost(self) -> None:
        """The number of decoded tokens does not grow with the reply."""
        longest = 0

        def decode(ids: Sequence[int]) -> str:
            nonlocal longest
            longest = max(longest, len(ids))
            return _bytes(ids)

        assert "".join(_streamed(TextStream(decode), "ㅋ".encode() * 1000)) == "ㅋ" * 1000
        assert longest == 6
