"""Words of many scripts, and what of a question is small talk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.text.tokenize import content_words, count_words, words_of


class TestWordsOf:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("Don't STOP!!", ["dont", "stop"]),
            ("nooooo waaay", ["no", "way"]),
            ("in 1000 days", ["in", "1000", "days"]),
            ("o‘zbek oʻzbek o'zbek", ["ozbek"] * 3),
            ("Ёлка, ёжик", ["елка", "ежик"]),
            ("猫の名前", ["猫", "の", "名前"]),
            ("我的小猫", ["我的", "的小", "小猫"]),
            ("고양이를", ["고양", "양이", "이를"]),
            ("ｆｕｌｌ width", ["full", "width"]),
            ("कुत्ता है", ["कुत्ता", "है"]),
            ("❤️🐌 ... 👩‍👩‍👧", []),
            ("cat🐌dog", ["cat", "dog"]),
        ],
    )
    def test_folding(self, text: str, words: list[str]) -> None:
        """Case, width, apostrophes and stretched letters do not matter; scripts without spaces become pairs."""
        assert words_of(text) == words

    @given(st.text())
    def test_any_text_gives_words_without_spaces(self, text: str) -> None:
        """Whatever is written, a word is never empty and never holds a space or a quote."""
        assert all(word and not set(word) & set(' "\n') for word in words_of(text))


class TestContentWords:
    @pytest.mark.parametrize(
        "text",
        [
            "hey whats up",
            "What's up?",
            "hi how are you doing today",
            "привет, как дела?",
            "안녕 뭐해 ㅋㅋㅋㅋ ㅠㅠ",
            "你好吗",
            "🐌🐌",
            "lol",
        ],
    )
    def test_small_talk_is_about_nothing(self, text: str) -> None:
        """A greeting asks for no memory."""
        assert content_words(text) == []

    @pytest.mark.parametrize(
        ("question", "words"),
        [
            ("whats your cat called", ["cat", "called"]),
            ("what do you do for work", ["work"]),
            ("как зовут твою кошку?", ["зовут", "твою", "кошку"]),
            ("你的猫叫什么名字", ["猫", "名字"]),
            ("cat cat CAT", ["cat"]),
        ],
    )
    def test_what_a_question_is_about(self, question: str, words: list[str]) -> None:
        """The words that are left name the subject."""
        assert content_words(question) == words


def test_length_counts_pairs_where_there_are_no_spaces() -> None:
    """A budget holds about as much Chinese as English."""
    assert count_words("a cat sat") == 3
    assert count_words("我的小猫叫米米") == 1 + 3
