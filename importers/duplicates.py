"""Replies that say nearly the same: what must not stand on both sides of the split between training and evaluation."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from importers.words import words

NEAR = 0.8
"""The Jaccard index of two replies' word sets from which on they are near-duplicates."""
FEWEST_WORDS = 4
"""Shorter replies are never near-duplicates: people repeat themselves."""

WordSet = frozenset[str]


class NearDuplicates:
    """Known replies, indexed so that those near to another are found without comparing all.

    Of two sets that share at least `NEAR` of their words, each lacks at most a fifth of its own; so with words in one
    order, rarest first, the first fifth and one more of both have a word in common. Only these are indexed.
    """

    def __init__(self, known: Iterable[str]) -> None:
        sets = {word_set(text) for text in known}
        self._frequency = Counter(word for found in sets for word in found)
        self._by_word: dict[str, list[WordSet]] = defaultdict(list)
        for found in sets:
            for word in self._rarest(found):
                self._by_word[word].append(found)

    def holds(self, text: str) -> bool:
        """Tell whether a known reply is near to this one."""
        if len(words(text)) < FEWEST_WORDS:
            return False
        wanted = word_set(text)
        candidates = (other for word in self._rarest(wanted) for other in self._by_word.get(word, ()))
        return any(_index(wanted, other) >= NEAR for other in candidates)

    def _rarest(self, found: WordSet) -> list[str]:
        ordered = sorted(found, key=lambda word: (self._frequency[word], word))
        return ordered[: len(ordered) - int(NEAR * len(ordered)) + 1]


def word_set(text: str) -> WordSet:
    """Return the words of a text without casing, order and number."""
    return frozenset(words(text.casefold()))


def _index(one: WordSet, other: WordSet) -> float:
    return len(one & other) / len(one | other)
