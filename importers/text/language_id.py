"""Which languages somebody writes in, by the `py3langid` package (140 languages), and the script of a word.

A reply of a few words is often too short to tell. It then counts for the language that leads among the replies in its
script; where none does, for `und`: an unknown language is never given another one's name.
"""

import re
from bisect import bisect_right
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNKNOWN = "und"
NAMES = {
    "af": "Afrikaans", "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian",
    "bg": "Bulgarian", "bn": "Bengali", "bs": "Bosnian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "ga": "Irish", "gl": "Galician", "gu": "Gujarati",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian",
    "is": "Icelandic", "it": "Italian", "ja": "Japanese", "ka": "Georgian", "kk": "Kazakh", "km": "Khmer",
    "kn": "Kannada", "ko": "Korean", "ku": "Kurdish", "ky": "Kyrgyz", "lo": "Lao", "lt": "Lithuanian",
    "lv": "Latvian", "mk": "Macedonian", "ml": "Malayalam", "mn": "Mongolian", "mr": "Marathi", "ms": "Malay",
    "my": "Burmese", "ne": "Nepali", "nl": "Dutch", "no": "Norwegian", "pa": "Punjabi", "pl": "Polish",
    "ps": "Pashto", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "si": "Sinhala", "sk": "Slovak",
    "sl": "Slovenian", "so": "Somali", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili",
    "ta": "Tamil", "te": "Telugu", "tg": "Tajik", "th": "Thai", "tk": "Turkmen", "tl": "Tagalog", "tr": "Turkish",
    "tt": "Tatar", "ug": "Uyghur", "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek", "vi": "Vietnamese",
    "yue": "Cantonese", "zh": "Chinese", "und": "unknown",
}  # fmt: skip
"""ISO 639 codes to English names, for the languages that are met most; others are shown by their code."""

SURE = 0.8
"""Probability from which a single reply may be of another language than the person's usual one in that script."""
SURE_ON_AVERAGE, LEAST_LETTERS = 0.4, 6
"""Mean probability, over all letters of a script, that makes a language the usual one; and the letters it needs."""
LEAST_SHARE, LEAST_REPLIES = 0.03, 2
"""A language, other than the leading one, of fewer replies than either is taken for a mistake: they count as unsure."""
SAMPLED = 2_000
"""Replies that are looked at: enough for shares to a percent, and a twentieth of a second."""

LIKELIEST = 6
MERGED = {"ary": "ar", "arz": "ar", "pcm": "en", "uzs": "uz", "wuu": "zh"}
"""Codes of languages that chats cannot be told apart by, to the one that people know."""

_NOISE = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+|[@#/]\w+|`[^`]*`|\[[\w-]+\]")
"""Links, addresses, mentions, code, and the placeholders of redaction and media."""
_SCRIPTS = (
    ("latin", "a", "ɏ"), ("greek", "Ͱ", "Ͽ"), ("cyrillic", "Ѐ", "ԯ"), ("armenian", "Ա", "֏"), ("hebrew", "א", "ת"),
    ("arabic", "ء", "ۿ"), ("devanagari", "ऀ", "ॿ"), ("thai", "ก", "๛"), ("georgian", "Ⴀ", "ჿ"), ("hangul", "ᄀ", "ᇿ"),
    ("latin", "Ḁ", "ỿ"), ("kana", "ぁ", "ヿ"), ("hangul", "ㄱ", "ㆎ"), ("han", "㐀", "鿿"), ("hangul", "가", "힣"),
)  # fmt: skip
_ONE_LANGUAGE = {"greek": "el", "armenian": "hy", "thai": "th", "georgian": "ka", "hangul": "ko", "kana": "ja"}
"""Scripts that people write one language in today."""
_FIRST_LETTERS = [first for _, first, _ in _SCRIPTS]


def script_of(word: str) -> str:
    """Return the script of a word's first letter, in lower case; empty where it has none."""
    for letter in word:
        if letter.isalpha():
            name, _, last = _SCRIPTS[max(bisect_right(_FIRST_LETTERS, letter) - 1, 0)]
            return name if letter <= last else "other"
    return ""


class Languages:
    """Counts a person's replies by language, from an even sample of them."""

    def __init__(self) -> None:
        self._sample: list[str] = []
        self._step = 1
        self._met = 0

    def add(self, reply: str) -> None:
        """Take note of one reply; one without words (emoji, numbers, links alone) counts for no language."""
        if self._met % self._step == 0:
            text = _NOISE.sub(" ", reply)
            if not any(map(str.isalpha, text)):
                return
            self._sample.append(text)
            if len(self._sample) == SAMPLED:
                del self._sample[1::2]
                self._step *= 2
        self._met += 1

    def shares(self) -> dict[str, float]:
        """Return the share of the replies with words that each language has, largest first."""
        by_script: dict[str, list[str]] = {}
        for text in self._sample:
            by_script.setdefault(_script_of_text(text), []).append(text)
        counted: Counter[str] = Counter()
        for script, texts in by_script.items():
            counted += _count(script, texts)
        total = counted.total()
        least = max(LEAST_REPLIES, LEAST_SHARE * total)
        found = {code: number for code, number in counted.most_common() if number >= least or number == total}
        return {code: round(number / sum(found.values()), 3) for code, number in found.items()}


def _count(script: str, texts: list[str]) -> Counter[str]:
    """Return how many of the replies in one script each language has; unsure ones have the leading language."""
    if language := _ONE_LANGUAGE.get(script):
        return Counter({language: len(texts)})
    ranked = [_ranked(text) for text in texts]
    letters = [sum(map(str.isalpha, text)) for text in texts]
    means: dict[str, float] = {}
    for ranking, weight in zip(ranked, letters, strict=True):
        for language, probability in ranking.items():
            means[language] = means.get(language, 0.0) + probability * weight / sum(letters)
    usual = max(means, key=means.__getitem__, default=UNKNOWN)
    if sum(letters) < LEAST_LETTERS or means.get(usual, 0.0) < SURE_ON_AVERAGE:
        usual = UNKNOWN
    told = Counter(next((code for code, p in ranking.items() if p >= SURE), usual) for ranking in ranked)
    least = max(LEAST_REPLIES, LEAST_SHARE * len(texts))
    counted = Counter({language: number for language, number in told.items() if number >= least})
    counted[usual] += told.total() - counted.total()
    return counted


def _ranked(text: str) -> dict[str, float]:
    """Return the probabilities of the likeliest languages of a text."""
    ranking: dict[str, float] = {}
    for code, probability in _identifier().rank(text)[:LIKELIEST]:
        if code != "zxx":  # no language at all
            code = MERGED.get(code, code)
            ranking[code] = ranking.get(code, 0.0) + float(probability)
    return ranking


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _script_of_text(text: str) -> str:
    """Return the script of a reply: that of most words, but Latin only where another has less than a third of them.

    Latin words are borrowed everywhere. Japanese mixes kana and Han: any kana makes it kana.
    """
    scripts = Counter(filter(None, map(script_of, text.casefold().split())))
    if any("\u3041" <= letter <= "\u30fe" for letter in text):
        return "kana"
    others = scripts.total() - scripts["latin"]
    if 3 * others >= scripts.total():
        del scripts["latin"]
    return scripts.most_common(1)[0][0] if scripts else ""
