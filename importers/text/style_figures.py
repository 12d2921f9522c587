"""How somebody writes, in a few numbers: what cleaning must not move, and the report shows before and after."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from importers.text.segmentation import has_emoji

_LAUGHTER = re.compile(
    r"(ha|he|hi|ho|ah|eh|ja|je|ji|xa|xi|wk|rs|ха|хе|хи|хо|ах|аз|ðð)\1|\bха\b|lo+l$|lmf?ao|rofl|\bx+d+\b|k{4}|5{3,}|w{4}"
    r"|лол$|\bрж[уа]|[ㅋㅎ]{2}|[哈呵]|ههه|[草笑]|\bкк+\b"
)
"""Laughter as it is written, in lower case, one word: syllables doubled, and what stands for them elsewhere."""
_LAUGHING_FACES = re.compile("[😂🤣😆😹💀]|\\){3}")
_PUNCTUATION = tuple(".!?…。！？؟։।")
"""What ends a sentence, in the scripts we meet."""
OPENERS = 10
"""First words that are listed."""
MOVED_LENGTH, MOVED_SHARE, MOVED_OPENER = 0.25, 0.10, 0.05
"""How far cleaning may move a mean (relatively) and a share (absolutely) before the report warns of it."""

FEWEST_TURNS = 30
"""Of fewer turns no number says anything."""

EMOJI, LAUGHTER, CASED, LOWERCASE, PUNCTUATED = 1, 2, 4, 8, 16
"""Traits of one turn, as bits."""


def laughs(word: str) -> bool:
    """Tell whether a word, in lower case, is laughter."""
    return _LAUGHTER.search(word) is not None


def traits(text: str, laughing: bool) -> int:
    """Return the traits of a turn as bits; `laughing` says that one of its words is laughter."""
    found = EMOJI if has_emoji(text) else 0
    if laughing or _LAUGHING_FACES.search(text):
        found |= LAUGHTER
    first = text[:1]
    if first.lower() != first.upper():
        found |= CASED | (LOWERCASE if first == first.lower() else 0)
    return found | (PUNCTUATED if text.endswith(_PUNCTUATION) else 0)


@dataclass
class Style:
    """Tallies over the turns of one person."""

    turns: int = 0
    words: int = 0
    bubbles: int = 0
    traits: Counter[int] = field(default_factory=Counter)
    """How many turns have each combination of traits."""
    openers: Counter[str] = field(default_factory=Counter)

    def to_dict(self, also: Iterable[str] = ()) -> dict[str, Any]:
        """Return means and shares, rounded for people; of first words the most frequent ones, and those of `also`."""
        turns = self.turns or 1
        listed = dict(self.openers.most_common(OPENERS)) | {
            word: self.openers[word] for word in also if word in self.openers
        }
        return {
            "turns": self.turns,
            "mean_words": round(self.words / turns, 2),
            "bubbles_per_turn": round(self.bubbles / turns, 2),
            "emoji_share": round(self._with(EMOJI) / turns, 3),
            "laughter_share": round(self._with(LAUGHTER) / turns, 3),
            "punctuation_share": round(self._with(PUNCTUATED) / turns, 3),
            "lowercase_share": round(self._with(LOWERCASE) / (self._with(CASED) or 1), 3),
            "openers": [[word, round(count / turns, 3)] for word, count in listed.items()],
        }

    def _with(self, trait: int) -> int:
        return sum(number for found, number in self.traits.items() if found & trait)


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each number of a person's style that cleaning moved too far."""
    if before["turns"] < FEWEST_TURNS or not after["turns"]:
        return []
    found = []
    for name in ("mean_words", "bubbles_per_turn"):
        if abs(after[name] - before[name]) > MOVED_LENGTH * before[name]:
            found.append(_sentence(name, f"{before[name]:.1f}", f"{after[name]:.1f}"))
    for name in ("emoji_share", "laughter_share", "punctuation_share", "lowercase_share"):
        if abs(after.get(name, 0) - before.get(name, 0)) > MOVED_SHARE:
            found.append(_sentence(name, f"{before[name]:.0%}", f"{after[name]:.0%}"))
    now = dict(after["openers"])
    for word, share in before["openers"]:
        if abs(now.get(word, 0.0) - share) > MOVED_OPENER:
            found.append(_sentence(f'the share that begins with "{word}"', f"{share:.0%}", f"{now.get(word, 0.0):.0%}"))
    return found


def _sentence(name: str, before: str, after: str) -> str:
    return f"cleaning moved {name.replace('_', ' ')} from {before} to {after}"
