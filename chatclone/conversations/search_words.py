"""Text to the words it is searched by, in any script, with their places in it.

A word is letters, digits and marks; a character of a script that puts no spaces between words, and an emoji, is a
word of its own, so that any piece of such a text can be searched for. Words are folded: case, width, accents of Latin
and Greek letters, ё. FTS5 gets them ready, with spaces between, and needs to know nothing of Unicode.
"""

import re
import unicodedata
from dataclasses import dataclass

_SINGLE = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3040-\u30ff"  # Hiragana, Katakana
    "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "]"
)
_ASCII_WORD = re.compile("[a-z0-9]+(?:'[a-z0-9]+)*")
_WITHIN = frozenset("'’‘ʼ`´\u200c\u200d\u00ad")
"""Apostrophes, joiners and the soft hyphen are no end of a word, and no part of it."""
_ACCENTS = re.compile("([\u0041-\u03ff\u1d00-\u1fff])[\u0300-\u036f]+")
"""Marks on Latin and Greek letters, decomposed; й is another letter than и."""


@dataclass(frozen=True, slots=True)
class Word:
    """A folded word, and where it stands in the text."""

    folded: str
    start: int
    end: int
    single: bool = False
    """Whether it is a character, with its marks, of a text without spaces."""


def words_in(text: str) -> list[Word]:
    """Return the words of `text` in order."""
    if text.isascii():
        found = _ASCII_WORD.finditer(text.lower())
        return [Word(m.group().replace("'", ""), m.start(), m.end()) for m in found]
    words: list[Word] = []
    start: int | None = None
    for i, character in enumerate(text):
        kind = unicodedata.category(character)
        if (_SINGLE.match(character) and kind[0] != "M") or kind == "So":
            _close(words, text, start, i)
            words.append(Word(_folded(character), i, i + 1, single=True))
            start = None
        elif kind[0] == "M" and start is None and words and words[-1].single and words[-1].end == i:
            words[-1] = Word(words[-1].folded + character, words[-1].start, i + 1, single=True)
        elif kind[0] in "LN" or (start is not None and (kind[0] == "M" or character in _WITHIN)):
            start = i if start is None else start
        else:
            _close(words, text, start, i)
            start = None
    _close(words, text, start, len(text))
    return words


def index_text(text: str) -> str:
    """Return the words of `text` as the index holds them: FTS5's ascii tokenizer splits at the spaces and no more."""
    return " ".join(word.folded for word in words_in(text))


def _close(words: list[Word], text: str, start: int | None, end: int) -> None:
    """Add the word that ends here, if one has begun."""
    if start is None:
        return
    while text[end - 1] in _WITHIN:
        end -= 1
    if folded := _folded("".join(c for c in text[start:end] if c not in _WITHIN)):
        words.append(Word(folded, start, end))


def _folded(word: str) -> str:
    folded = unicodedata.normalize("NFKC", word).casefold().replace("ё", "е")
    bare = _ACCENTS.sub(r"\1", unicodedata.normalize("NFKD", folded))
    return "".join(c for c in unicodedata.normalize("NFC", bare) if not c.isspace())
