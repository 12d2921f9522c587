"""Text to the words it is found by, in any script, the same for what is stored and for what is asked.

Words are folded (case, width, apostrophes, stretched letters). Scripts that put no spaces between words, and Korean,
whose words carry their particles, become overlapping pairs of characters, as Lucene's CJKAnalyzer does; so a
two-character word is found, which a trigram index cannot do. Emoji and punctuation are no words.
"""

import re
import unicodedata

from memory.stopwords import MONTHS, STOP_PHRASES, STOP_WORDS

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3040-\u30ff"  # Hiragana, Katakana
    "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_HANGUL = "\u1100-\u11ff\uac00-\ud7af"
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_PAIRED_RUN = re.compile(f"([{_UNSPACED}]+|[{_HANGUL}]+)")
# A run is cut where the script changes: kanji from its kana endings.
_SCRIPT_RUN = re.compile("[\u3040-\u309f]+|[\u30a0-\u30ff]+|[^\u3040-\u30ff]+")
_APOSTROPHE = re.compile("(?<=\\w)['’‘ʻʼ`´](?=\\w)")
_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")
_STOP_PHRASE = re.compile("|".join(sorted(map(re.escape, STOP_PHRASES), key=len, reverse=True)))
_CYRILLIC = re.compile("[\u0400-\u04ff]+")
_CYRILLIC_ENDING = re.compile(
    "(?:иями|ями|ами|ого|его|ому|ему|ыми|ими|ешь|ишь|ете|ите|ать|ять|еть|ить|ала|яла|ила|али|яли|или|ает|яет|"
    "ают|яют|ует|уют|ал|ял|ил|ел|ет|ит|ут|ют|ат|ят|ов|ев|ей|ой|ый|ий|ая|яя|ое|ее|ые|ие|ом|ем|ам|ям|ах|ях|ую|юю|"
    "[аеёиоуыьэюяй])$"
)
_SHORTEST_STEM = 3


def words_of(text: str) -> list[str]:
    """Return the words of `text` in order, folded; a run without spaces gives its pairs of characters."""
    found: list[str] = []
    for word in _split(text):
        for part in _PAIRED_RUN.split(word):
            found += _pairs(part) if _PAIRED_RUN.fullmatch(part) else [part] if part else []
    return found


def content_words(query: str) -> list[str]:
    """Return the distinct words of a question that say what it is about, in order; small talk gives none."""
    kept = [word for word in _split(query) if word not in STOP_WORDS]
    kept = words_of(" ".join(_STOP_PHRASE.sub(" ", word) if _PAIRED_RUN.search(word) else word for word in kept))
    return list(dict.fromkeys(word for word in kept if word not in STOP_WORDS and not _is_single_kana(word)))


def month_of(word: str) -> int | None:
    """Return the month, 1 to 12, that a word names in one of the languages we know."""
    return MONTHS.get(word)


def stem(word: str) -> str | None:
    """Return the beginning that a word's other forms share, where SQLite's English stemmer does not know its script.

    A single Han or Hangul character begins the pairs it is stored in.
    """
    if len(word) == 1 and _PAIRED_RUN.fullmatch(word):
        return word
    if not _CYRILLIC.fullmatch(word):
        return None
    shorter = _CYRILLIC_ENDING.sub("", _CYRILLIC_ENDING.sub("", word))
    return shorter if len(shorter) >= _SHORTEST_STEM else word if len(word) >= _SHORTEST_STEM + 2 else None


def count_words(text: str) -> int:
    """Return the length of `text` in words, two characters of a script without spaces counting as one."""
    return len(text.split()) + len(_UNSPACED_CHARACTER.findall(text)) // 2


def _split(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    folded = _STRETCHED.sub(r"\1", _APOSTROPHE.sub("", folded))
    spaced = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in folded)
    return [word for word in spaced.split() if any(c.isalnum() for c in word)]


def _pairs(run: str) -> list[str]:
    pairs: list[str] = []
    for part in _SCRIPT_RUN.findall(run):
        pairs += [part[i : i + 2] for i in range(len(part) - 1)] or [part]
    return pairs


def _is_single_kana(word: str) -> bool:
    return len(word) == 1 and "\u3040" <= word <= "\u30ff"
