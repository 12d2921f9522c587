"""How somebody writes, in a few numbers: what cleaning must not move, and the report shows before and after."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from importers.words import count_words, has_emoji, words

_LAUGHTER = re.compile(
    r"(ha|he|ah|eh|ja|je|wk|ха|хе|хи|ах|аз)\1|\blo+l|\blmf?ao|\brofl|\bxd+\b|k{4}|5{4}|w{4}|\bлол|\bржу"
    r"|[ㅋㅎ]{2}|[哈呵]{2}|ههه|草|笑|😂|🤣"
)
"""Laughter as it is written, in lower case: syllables doubled, and what stands for them elsewhere."""
OPENERS = 10
"""First words that are listed."""
MOVED_LENGTH, MOVED_SHARE = 0.25, 0.10
"""How far cleaning may move a mean (relatively) and a share (absolutely) before the report warns of it."""


@dataclass
class Style:
    """Tallies over the turns of one person."""

    turns: int = 0
    words: int = 0
    bubbles: int = 0
    emoji: int = 0
    laughter: int = 0
    cased: int = 0
    """Turns that begin with a letter that has an upper and a lower case."""
    lowercase: int = 0
    openers: Counter[str] = field(default_factory=Counter)

    def add(self, text: str) -> None:
        """Count one turn."""
        self.turns += 1
        self.words += count_words(text)
        self.bubbles += text.count("\n") + 1
        self.emoji += has_emoji(text)
        self.laughter += _LAUGHTER.search(text.lower()) is not None
        first = text[:1]
        if first.lower() != first.upper():
            self.cased += 1
            self.lowercase += first == first.lower()
        if found := words(text[:80]):
            self.openers[found[0].casefold()] += 1

    def to_dict(self) -> dict[str, Any]:
        """Return means and shares, rounded for people."""
        turns = self.turns or 1
        return {
            "turns": self.turns,
            "mean_words": round(self.words / turns, 2),
            "bubbles_per_turn": round(self.bubbles / turns, 2),
            "emoji_share": round(self.emoji / turns, 3),
            "laughter_share": round(self.laughter / turns, 3),
            "lowercase_share": round(self.lowercase / (self.cased or 1), 3),
            "openers": [[word, round(count / turns, 3)] for word, count in self.openers.most_common(OPENERS)],
        }


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each number of a person's style that cleaning moved too far."""
    if not before["turns"] or not after["turns"]:
        return []
    found = []
    for name in ("mean_words", "bubbles_per_turn"):
        if abs(after[name] - before[name]) > MOVED_LENGTH * before[name]:
            found.append(_sentence(name, f"{before[name]:.1f}", f"{after[name]:.1f}"))
    for name in ("emoji_share", "laughter_share", "lowercase_share"):
        if abs(after[name] - before[name]) > MOVED_SHARE:
            found.append(_sentence(name, f"{before[name]:.0%}", f"{after[name]:.0%}"))
    return found


def _sentence(name: str, before: str, after: str) -> str:
    return f"cleaning moved {name.replace('_', ' ')} from {before} to {after}"
