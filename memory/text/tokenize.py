"""Text to the words it is found by, in any script, the same for what is stored and for what is asked.

Words are folded (case, width, apostrophes, stretched letters, the marks on Latin letters). Scripts that put no spaces
between words, and Korean, whose words carry their particles, become overlapping pairs of characters, as Lucene's
CJKAnalyzer does; so a two-character word is found, which a trigram index cannot do. Emoji and punctuation are no words.
"""

import re
import unicodedata
from collections.abc import Sequence

from memory.text.stemmer import without_marks
from memory.text.stop_words import STOP_PHRASES, STOP_WORDS

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
_HANGUL_WORD = re.compile(f"[{_HANGUL}]{{2,}}")
# A run is cut where the script changes: kanji from its kana endings.
_SCRIPT_RUN = re.compile("[\u3040-\u309f]+|[\u30a0-\u30ff]+|[^\u3040-\u30ff]+")
_APOSTROPHE = re.compile("(?<=\\w)['’‘ʻʼ`´](?=\\w)")
_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")
_STOP_PHRASE = re.compile("|".join(sorted(map(re.escape, STOP_PHRASES), key=len, reverse=True)))
_PARTICLES = sorted(
    "은 는 이 가 을 를 의 에 도 로 와 과 만 랑 나 네 야 요 에서"
    " 에게 한테 으로 까지 부터 처럼 보다 마다 조차 밖에 이랑 하고 이나"
    " 에는 에서는 에서도 에게서 으로는 이야 이에요 예요 인가요 이었어 였어 이라고 라고 들은 들이 들을 때".split(),
    key=len,
    reverse=True,
)
"""Korean particles and the copula, the longest first."""
_LEAST_SYLLABLES = 2


def split_words(text: str) -> list[str]:
    """Return the words of `text` in order, folded, runs without spaces left whole."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    folded = _STRETCHED.sub(r"\1", _APOSTROPHE.sub("", folded))
    spaced = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in folded)
    return [without_marks(word) for word in spaced.split() if any(c.isalnum() for c in word)]


def words_of(text: str) -> list[str]:
    """Return the words of `text` in order, folded; a run without spaces gives its pairs of characters."""
    return [part for word in split_words(text) for part in _parts(word)]


def content_words(query: str) -> list[str]:
    """Return the distinct words of a question that say what it is about, in order; small talk gives none."""
    kept: list[str] = []
    for word in map(without_particle, split_words(query)):
        if word not in STOP_WORDS:
            kept += words_of(_STOP_PHRASE.sub(" ", word)) if _PAIRED_RUN.search(word) else [word]
    return list(dict.fromkeys(word for word in kept if word not in STOP_WORDS and not _is_single_kana(word)))


def without_particle(word: str) -> str:
    """Return a Korean word without the particle at its end, if that is a stop word or leaves two syllables."""
    if _HANGUL_WORD.fullmatch(word) and word not in STOP_WORDS:
        for particle in _PARTICLES:
            beginning = word.removesuffix(particle)
            if len(beginning) < len(word) and (len(beginning) >= _LEAST_SYLLABLES or beginning in STOP_WORDS):
                return beginning
    return word


def is_single_character(word: str) -> bool:
    """Tell whether a word is one character of a script that is stored in pairs, which it can only begin."""
    return len(word) == 1 and _PAIRED_RUN.fullmatch(word) is not None


def count_words(text: str) -> int:
    """Return the length of `text` in words, two characters of a script without spaces counting as one."""
    return len(text.split()) + count_unspaced(text) // 2


def count_unspaced(text: str) -> int:
    """Return how many characters of `text` are of a script without spaces."""
    return 0 if text.isascii() else len(_UNSPACED_CHARACTER.findall(text))


def _parts(word: str) -> Sequence[str]:
    if word.isascii() or not _PAIRED_RUN.search(word):
        return (word,)
    parts: list[str] = []
    for part in _PAIRED_RUN.split(word):
        parts += _pairs(part) if _PAIRED_RUN.fullmatch(part) else [part] if part else []
    return parts


def _pairs(run: str) -> list[str]:
    pairs: list[str] = []
    for part in _SCRIPT_RUN.findall(run):
        pairs += [part[i : i + 2] for i in range(len(part) - 1)] or [part]
    return pairs


def _is_single_kana(word: str) -> bool:
    return len(word) == 1 and "\u3040" <= word <= "\u30ff"
