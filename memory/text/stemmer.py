"""A word to the stem that its other forms share, by language; suffixes only, no dictionary.

English is Porter's algorithm (1980), as SQLite's own tokenizer stems what is indexed. Most languages are stemmed by
Snowball. Uzbek is unknown to it, and Turkish and Russian are found less often with it, as words are folded here and
Snowball tells `умеет` and `умею` apart (benchmarks/multilingual): these lose their endings by the tables below, the
longest first, while enough of the word is left.
"""

import re
import threading
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

ENGLISH, RUSSIAN, SPANISH, UZBEK, TURKISH, ARABIC = "en", "ru", "es", "uz", "tr", "ar"
GERMAN, FRENCH = "de", "fr"

_SNOWBALL = {
    language: snowballstemmer.stemmer(name)
    for language, name in (
        (ENGLISH, "porter"), (SPANISH, "spanish"), (ARABIC, "arabic"), (GERMAN, "german"), (FRENCH, "french"),
    )
}  # fmt: skip
_STEMMING = threading.Lock()
"""A Snowball stemmer keeps the word it works on, so that threads take turns."""


@dataclass(frozen=True, slots=True)
class _Endings:
    """The endings of a language, which are taken off up to `rounds` times while `least` characters are left."""

    pattern: re.Pattern[str]
    least: int
    rounds: int

    def off(self, word: str) -> str:
        for _ in range(self.rounds):
            found = self.pattern.search(word, self.least)
            if found is None:
                break
            word = word[: found.start()]
        return word


def _endings(suffixes: str, least: int, rounds: int) -> _Endings:
    longest_first = sorted(suffixes.split(), key=len, reverse=True)
    return _Endings(re.compile(f"(?:{'|'.join(longest_first)})$"), least, rounds)


_RUSSIAN = _endings(
    "иями ями ами ого его ому ему ыми ими ешь ишь ете ите ать ять еть ить уть ала яла ила ела ула али яли или ели ули"
    " ает яет еет ают яют уют ует юет ал ял ил ел ул ет ит ут ют ат ят ов ев ей ой ый ий ая яя ое ее ые ие ом ем ам ям"
    " ах ях ую юю ешься ется ются ится ятся утся ться лся лась лось лись ться ся сь а е и о у ы ь э ю я й",
    least=3,
    rounds=2,
)
_UZBEK = _endings(
    "larimiz laringiz larning lardan larini lariga larda larni larga lari larim laring lar ningiz imiz ingiz ning"
    " dagi dan day dek da ni ga ka qa si i im ing m ng miz ngiz man san siz miz dim ding di dik dilar gan gani ganda"
    " yap yapti yapman yapsan adi ydi moqchi moqda mi chi cha lik li roq ib ay sa"
    " ladi lash lagan lab laymiz lasa ish ishdi ishgan ishga ildi di",
    least=3,
    rounds=3,
)
_TURKISH = _endings(
    "larimiz larini larin lari larda lardan lar lerimiz lerini lerin leri lerde lerden ler imiz umuz in un im um"
    " nin nun dan den da de ta te tan ten yi yu ya ye ni nu na ne si su i u a e yor iyor uyor yorum iyorum iyorsun"
    " di du ti tu dim dum mis mus ecek acak mek mak",
    least=3,
    rounds=3,
)
_ALIKE = str.maketrans("gqbd", "kkpt")
"""Consonants that a Turkic stem changes before an ending: `mushuk`, `mushugim`; `oyoq`, `oyogi`; `kitap`, `kitabi`."""
_AGGLUTINATIVE = {UZBEK: _UZBEK, TURKISH: _TURKISH}
_LOOSE = 5
"""From this length on, stems of an agglutinative language may differ in their last letter or two."""


def stem(word: str, language: str) -> str:
    """Return the stem of a folded word in one of the languages above."""
    word = without_marks(word)
    if language == ENGLISH:
        return porter(word)
    if language == RUSSIAN:
        return _RUSSIAN.off(word)
    if language in _AGGLUTINATIVE:
        word = _AGGLUTINATIVE[language].off(word.replace("ı", "i"))
        return word[:-1] + word[-1:].translate(_ALIKE)
    return _snowball(word, language)


@lru_cache(maxsize=10_000)
def _snowball(word: str, language: str) -> str:
    with _STEMMING:
        return str(_SNOWBALL[language].stemWord(word))


def same_stem(one: str, other: str, language: str) -> bool:
    """Tell whether two stems of a language are forms of one word, endings that were not told apart forgiven."""
    if one == other or language not in _AGGLUTINATIVE:
        return one == other
    shorter, longer = sorted((one, other), key=len)
    kept = max(_LOOSE, len(shorter) - 1)
    return len(longer) - kept <= 2 and len(shorter) >= kept and longer[:kept] == shorter[:kept]


_MARKED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")


@lru_cache(maxsize=50_000)
def without_marks(word: str) -> str:
    """Return a Latin word without its diacritics, as the index holds it; other scripts keep theirs."""
    if _MARKED.search(word) is None:
        return word
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


@lru_cache(maxsize=50_000)
def unstemmed(term: str) -> str:
    """Return a word whose English stem is `term`: FTS5 stems what it is asked for, and a stem is not its own stem."""
    return next((term + ending for ending in ("", "e", "s", "ed", "ing", "ly") if porter(term + ending) == term), term)


@lru_cache(maxsize=100_000)
def porter(word: str) -> str:
    """Return the stem of an English word as SQLite makes it; words of one or two letters stay.

    SQLite follows Porter's later amendments, which Snowball's `porter` lacks: `logy`, `bly`, and any double consonant.
    """
    if len(word) < 3 or not word.isascii() or not word.isalnum():
        return word
    stem = _snowball(f"{word[:-1]}e" if word.endswith("bly") else word, ENGLISH)
    if (stem.endswith("logi") and _VOWEL_CONSONANT.search(stem[:-4])) or (
        stem.endswith("kk") and word.endswith(("ed", "ing"))
    ):
        return stem[:-1]
    return stem


_VOWEL_CONSONANT = re.compile("[aeiouy][^aeiouy]")
