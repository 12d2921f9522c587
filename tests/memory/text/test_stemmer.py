"""The forms of a word share a stem, in every language whose endings we know."""

import pytest

from memory.text.stemmer import ENGLISH, RUSSIAN, SPANISH, UZBEK, stem


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        (ENGLISH, "cat cats"),
        (ENGLISH, "hope hoping hoped"),
        (RUSSIAN, "кошка кошку кошки кошкой кошками"),
        (SPANISH, "gato gatos gata"),
        (UZBEK, "mushuk mushugim mushuklar"),
    ],
)
def test_forms_share_a_stem(language: str, forms: str) -> None:
    """Cases, numbers and possessives do not hide a word."""
    assert len({stem(form, language) for form in forms.split()}) == 1


@pytest.mark.parametrize(
    ("language", "words"), [(ENGLISH, "cat car"), (RUSSIAN, "кошка кошелек"), (SPANISH, "gato gasto")]
)
def test_other_words_keep_their_own(language: str, words: str) -> None:
    """Words that only begin alike stay apart."""
    assert len({stem(word, language) for word in words.split()}) == 2
