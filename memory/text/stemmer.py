"""A word to the stem that its other forms share, by language; suffixes only, no dictionary, so the stems are no words.

English is Porter's algorithm (1980), as SQLite's own tokenizer stems what is indexed. The other languages lose the
endings of their cases, persons and possessions, the longest first, as long as enough of the word is left; what
sounds alike at the end of a stem (Uzbek `mushuk`, `mushugim`) is written alike.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

ENGLISH, RUSSIAN, SPANISH, UZBEK, TURKISH, ARABIC = "en", "ru", "es", "uz", "tr", "ar"
GERMAN, FRENCH = "de", "fr"


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
_SPANISH = _endings(
    "amiento imiento aciones acion iciones icion adores adoras ador adora mente idades idad ables able ibles ible"
    " ando iendo yendo aron ieron abamos iamos aban aba abas ian ias ia amos emos imos aste iste ado ada ados adas ido"
    " ida idos idas ara aran era eran ire iremos are aremos ar er ir an en as es os a e o s",
    least=3,
    rounds=1,
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
_GERMAN = _endings("erinnen innen ungen ung heiten heit keit isch lich ern em en er es est st te ten e n s t", 4, 1)
_FRENCH = _endings(
    "issement issant ements ement ations ation euses euse eurs eur ives ive ante ants ant aient ais ait ions iez ees ee"
    " es er ez ir e s x",
    least=4,
    rounds=1,
)
_ARABIC_PREFIX = re.compile("^(?:وال|بال|كال|فال|لل|ال|و)(?=...)")
_ARABIC = _endings("هما كما تما هم هن كم كن نا ها ات ون ين ان ية تي ه ة ك ي ت ا", least=3, rounds=1)

_ALIKE = str.maketrans("gqbd", "kkpt")
"""Consonants that a Turkic stem changes before an ending: `mushuk`, `mushugim`; `oyoq`, `oyogi`; `kitap`, `kitabi`."""


def _english(word: str) -> str:
    return porter(word)


def _uzbek(word: str) -> str:
    return _softened(_UZBEK.off(word))


def _turkish(word: str) -> str:
    return _softened(_TURKISH.off(word.replace("ı", "i")))


def _softened(stem: str) -> str:
    return stem[:-1] + stem[-1:].translate(_ALIKE)


def _arabic(word: str) -> str:
    return _ARABIC.off(_ARABIC_PREFIX.sub("", word))


_AGGLUTINATIVE = frozenset({UZBEK, TURKISH})
_LOOSE = 5
"""From this length on, stems of a language that glues its endings may differ in their last letter or two."""
_STEMMERS: dict[str, Callable[[str], str]] = {
    ENGLISH: _english,
    RUSSIAN: _RUSSIAN.off,
    SPANISH: _SPANISH.off,
    UZBEK: _uzbek,
    TURKISH: _turkish,
    ARABIC: _arabic,
    GERMAN: _GERMAN.off,
    FRENCH: _FRENCH.off,
}


def stem(word: str, language: str) -> str:
    """Return the stem of a folded word in a language that this module knows."""
    return _STEMMERS[language](without_marks(word))


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


_VOWELS = "aeiou"
_STEP_2 = (
    "ational ate,tional tion,enci ence,anci ance,izer ize,bli ble,alli al,entli ent,eli e,ousli ous,ization ize,"
    "ation ate,ator ate,alism al,iveness ive,fulness ful,ousness ous,aliti al,iviti ive,biliti ble,logi log"
)
_STEP_3 = "icate ic,ative ,alize al,iciti ic,ical ic,ful ,ness "
_STEP_4 = "al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize"


def _pairs(table: str) -> tuple[tuple[str, str], ...]:
    pairs = [(ending, other) for ending, _, other in (row.partition(" ") for row in table.split(","))]
    return tuple(sorted(pairs, key=lambda pair: len(pair[0]), reverse=True))


_REPLACED = (_pairs(_STEP_2), _pairs(_STEP_3))
_DROPPED = sorted(_STEP_4.split(), key=len, reverse=True)


@lru_cache(maxsize=100_000)
def porter(word: str) -> str:
    """Return the stem of an English word by Porter's algorithm; words of one or two letters stay."""
    if len(word) < 3 or not word.isascii() or not word.isalnum():
        return word
    word = _participles(_plurals(word))
    if word[-1] == "y" and _has_vowel(word[:-1]):
        word = word[:-1] + "i"
    for table in _REPLACED:
        word = _replaced(word, table)
    word = _dropped(word)
    if word[-1] == "e":
        before = word[:-1]
        if _measure(before) > 1 or (_measure(before) == 1 and not _ends_short(before)):
            word = before
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word


def _plurals(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word[-1] == "s" and word[-2] != "s" else word


def _participles(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for ending in ("ed", "ing"):
        before = word[: -len(ending)]
        if word.endswith(ending):
            return _mended(before) if _has_vowel(before) else word
    return word


def _mended(word: str) -> str:
    if word.endswith(("at", "bl", "iz")):
        return word + "e"
    if len(word) > 1 and word[-1] == word[-2] and word[-1] not in "aeioulsz":
        return word[:-1]
    return word + "e" if _measure(word) == 1 and _ends_short(word) else word


def _replaced(word: str, table: tuple[tuple[str, str], ...]) -> str:
    for ending, other in table:
        if word.endswith(ending):
            before = word[: -len(ending)]
            return before + other if _measure(before) > 0 else word
    return word


def _dropped(word: str) -> str:
    for ending in _DROPPED:
        if word.endswith(ending):
            before = word[: -len(ending)]
            fits = _measure(before) > 1 and (ending != "ion" or before.endswith(("s", "t")))
            return before if fits else word
    return word


def _shape(word: str) -> str:
    """Return `v` or `c` for every letter; a y after a consonant is a vowel."""
    shape = ""
    for letter in word:
        shape += "v" if letter in _VOWELS or (letter == "y" and shape.endswith("c")) else "c"
    return shape


def _measure(word: str) -> int:
    return _shape(word).count("vc")


def _has_vowel(word: str) -> bool:
    return "v" in _shape(word)


def _ends_short(word: str) -> bool:
    return _shape(word).endswith("cvc") and word[-1] not in "wxy"
