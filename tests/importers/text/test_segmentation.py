"""Words are counted in any alphabet, and the fast path finds what the Unicode properties find."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.text import segmentation as module
from importers.text.segmentation import beginning, count_words, ending, has_emoji, only_emoji, words


class TestWords:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("don't stop, well-known friend", 4),
            ("я не знаю, правда", 4),
            ("그래 알았어 ㅋㅋ", 3),
            ("我不知道", 4),
            ("bilmayman, o‘zbekcha", 2),
            ("لا أعرف", 2),
            ("би мэдэхгүй", 2),
            ("👍🏽 👨‍👩‍👧", 0),
            ("...", 0),
        ],
    )
    def test_count(self, text: str, number: int) -> None:
        """Words are counted in every alphabet; emoji and punctuation are none."""
        assert count_words(text) == number

    @pytest.mark.parametrize("text", ["👍", "❤️ 🎉", "👨‍👩‍👧", "🇺🇿", "1️⃣", "👍🏽"])
    def test_only_emoji(self, text: str) -> None:
        """Emoji of every make are emoji, also several."""
        assert only_emoji(text)

    @pytest.mark.parametrize("text", ["", " ", "1", "+", "ok 👍", "ㅋㅋ"])
    def test_not_only_emoji(self, text: str) -> None:
        """Digits, signs and letters are not."""
        assert not only_emoji(text)

    def test_cuts(self) -> None:
        """A text is cut between words; its end begins with a line where one is near."""
        assert beginning("one two three", 2) == "one two…"
        assert ending("one two three", 2) == "two three"
        assert ending("a\nb c d\ne f g h", 7) == "b c d\ne f g h"
        assert beginning("one", 2) == ending("one", 2) == "one"

    @pytest.mark.parametrize("text", ["❤️", "☀️ 🌈", "👍🏽!"])
    def test_what_follows_an_emoji_is_no_word(self, text: str) -> None:
        """Variation selectors are marks, and still no words."""
        assert words(text) == []
        assert has_emoji(text)

    @pytest.mark.parametrize("text", ["ok", "я не знаю", "그래 ㅋㅋ", "(c) 1+1", "1 # *"])
    def test_no_emoji(self, text: str) -> None:
        """Letters, digits and signs are none, though some can be the beginning of one."""
        assert not has_emoji(text)


SPACED = st.text(st.characters().filter(lambda c: bool(module._SPACED.fullmatch(c))))


class TestFastPath:
    @given(SPACED)
    def test_same_words(self, text: str) -> None:
        """Where the standard library looks for words, the Unicode properties would find the same."""
        assert words(text) == module._ANY_WORD.findall(text)

    @given(st.text())
    def test_same_emoji(self, text: str) -> None:
        """The first look misses no emoji."""
        assert has_emoji(text) == (module._EMOJI.search(text) is not None)

    @given(st.text(), st.integers(1, 5))
    def test_cuts_are_short_enough(self, text: str, limit: int) -> None:
        """What is cut off leaves at most as many words as wanted."""
        assert count_words(beginning(text, limit)) <= limit
        assert count_words(ending(text, limit)) <= limit
