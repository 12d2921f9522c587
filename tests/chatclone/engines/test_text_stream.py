"""Text from a growing list of tokens."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from chatclone.engines.token_loop import TextStream


def _bytes(ids: Sequence[int]) -> str:
    """Decode as byte-level BPE does: a token is some bytes, here one; beyond them a token that is never shown."""
    return bytes(i for i in ids if i < 256).decode("utf-8", "replace")


def _words(ids: Sequence[int]) -> str:
    """Decode as SentencePiece does: a token is a word with the space before it, which a text begins without."""
    return "".join(f" {i}" for i in ids).removeprefix(" ")


def _streamed(stream: TextStream, ids: Sequence[int]) -> list[str]:
    return [*(stream.push(i) for i in ids), stream.rest()]


class TestTextStream:
    """What is given is what all tokens say together, whole characters at a time, at the cost of the last few."""

    @given(st.text(st.characters(codec="utf-8", exclude_characters="\ufffd")), st.lists(st.integers(0, 40), max_size=4))
    def test_characters(self, text: str, specials: list[int]) -> None:
        """A character of several tokens comes whole, with tokens that say nothing between any two."""
        ids = [*text.encode()]
        for place in specials:
            ids.insert(place, 300)
        pieces = _streamed(TextStream(_bytes), ids)
        assert "".join(pieces) == _bytes(ids)
        assert not any("\ufffd" in piece for piece in pieces)

    @given(st.lists(st.integers(0, 300), max_size=40))
    def test_any_bytes(self, ids: list[int]) -> None:
        """Bytes that are no text do no harm; of an unfinished character at the end nothing is said."""
        assert "".join(_streamed(TextStream(_bytes), ids)).rstrip("\ufffd") == _bytes(ids).rstrip("\ufffd")

    @given(st.lists(st.integers(0, 300)))
    def test_spaces(self, ids: list[int]) -> None:
        """A space that belongs to a token is there wherever the text goes on."""
        assert "".join(_streamed(TextStream(_words), ids)) == _words(ids)

    def test_cost(self) -> None:
        """However long a reply is, a few tokens are decoded for the next one."""
        longest = 0

        def decode(ids: Sequence[int]) -> str:
            nonlocal longest
            longest = max(longest, len(ids))
            return _bytes(ids)

        assert "".join(_streamed(TextStream(decode), "ㅋ".encode() * 1000)) == "ㅋ" * 1000
        assert longest == 6
