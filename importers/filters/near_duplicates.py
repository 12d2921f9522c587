"""Replies that say nearly the same, found without comparing all with all.

Of two sets that share at least `NEAR` of their words, each lacks at most a fifth of its own. So with words in one
order, rarest first, the first fifth and two more of both have two words in common (the prefix filter, with prefixes
one longer than needed to share one). Sets are looked up by such pairs of words, and a pair of rare words is rare: the
cost grows with the number of replies, not with its square.
"""

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

NEAR = 0.8
"""The Jaccard index of two replies' word sets from which on they are near-duplicates."""
FEWEST_WORDS = 4
"""Sets of fewer words are never near-duplicates: people repeat themselves."""
BITS = 64
"""Of a set's signature: two sets that differ in many words nearly always differ in many bits, which is told at once."""
MOST_COMPARED = 200
"""Sets compared for one pair of words. Where more have the same two rarest words, nobody wrote them."""


class NearDuplicates:
    """Known sets of words, by number; words are given as ranks, 0 for the rarest, in ascending order."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        """A pair of ranks to the place of the first set that has it, which for most pairs is the only one."""
        self._more: dict[int, array[int]] = {}
        self._numbers: list[int] = []
        self._sets: list[array[int]] = []
        self._signatures = array("Q")

    def add(self, number: int, ranks: Sequence[int]) -> None:
        """Make a set known; one of too few words is near to nothing."""
        if len(ranks) >= FEWEST_WORDS:
            self._add(number, ranks, _pairs(ranks))

    def near(self, ranks: Sequence[int]) -> Iterator[int]:
        """Yield the numbers of the known sets that are near to this one."""
        return self._near(ranks, _pairs(ranks)) if len(ranks) >= FEWEST_WORDS else iter(())

    def leader(self, number: int, ranks: Sequence[int]) -> int:
        """Return a known set that is near to this one; where there is none, make this one known and return it."""
        if len(ranks) < FEWEST_WORDS:
            return number
        pairs = _pairs(ranks)
        found = next(self._near(ranks, pairs), number)
        if found == number:
            self._add(number, ranks, pairs)
        return found

    def _add(self, number: int, ranks: Sequence[int], pairs: Sequence[int]) -> None:
        place = len(self._numbers)
        self._numbers.append(number)
        self._sets.append(array("I", ranks))
        self._signatures.append(_signature(ranks))
        first, more = self._first, self._more
        for pair in pairs:
            if first.setdefault(pair, place) != place:
                others = more.setdefault(pair, array("I"))
                if len(others) < MOST_COMPARED:
                    others.append(place)

    def _near(self, ranks: Sequence[int], pairs: Sequence[int]) -> Iterator[int]:
        first, more = self._first, self._more
        met = [pair for pair in pairs if pair in first]
        found = array("I", [first[pair] for pair in met])
        for pair in met:
            if pair in more:
                found += more[pair]
        wanted = set(ranks)
        for place in self._alike(found, ranks):
            if _is_near(wanted, self._sets[place]):
                yield self._numbers[place]

    def _alike(self, places: "array[int]", ranks: Sequence[int]) -> Iterable[int]:
        """Return those sets, each once, whose signatures do not tell that they are too different."""
        if not places:
            return ()
        import numpy as np

        found = np.frombuffer(places, dtype=np.uint32)
        signatures = np.frombuffer(self._signatures, dtype=np.uint64)
        # Of two near sets, all that is in only one of them is a fifth of their union, a quarter of either.
        different = np.bitwise_count(signatures[found] ^ np.uint64(_signature(ranks)))
        return dict.fromkeys(found[different <= len(ranks) // 4].tolist())


def _is_near(wanted: set[int], other: Collection[int]) -> bool:
    shared = len(wanted.intersection(other))
    return shared >= NEAR * (len(wanted) + len(other) - shared)


class Ranks:
    """Words by how rare they are among some sets of them; sets come and go as numbers of words."""

    single: int
    """Words of a lower rank are in one set only."""

    def __init__(self, sets: Iterable[Iterable[int]]) -> None:
        frequency: Counter[int] = Counter()
        for words in sets:
            frequency.update(words)
        ordered = sorted(frequency, key=lambda word: (frequency[word], word))
        self._ranks = {word: rank for rank, word in enumerate(ordered)}
        self.single = sum(number == 1 for number in frequency.values())

    def of(self, words: Iterable[int]) -> list[int]:
        """Return the ranks of known words, the rarest first."""
        return sorted(map(self._ranks.__getitem__, words))

    def alone(self, ranks: Sequence[int]) -> bool:
        """Tell whether a set has too many words that no other has to be near to any."""
        return ranks[_most_missing(len(ranks))] < self.single


def leaders(sets: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """Return for each set, by number, one before it that it is near to and that is near to none, else itself."""
    ranks = Ranks(sets.values())
    known = NearDuplicates()
    found: dict[int, int] = {}
    for number, words in sets.items():
        ranked = ranks.of(words)
        found[number] = number if ranks.alone(ranked) else known.leader(number, ranked)
    return found


def crossing(known: Mapping[int, Sequence[int]], others: Iterable[Sequence[int]]) -> set[int]:
    """Return the numbers of those known sets to which one of the others is near."""
    others = list(others)
    ranks = Ranks([*known.values(), *others])
    index = NearDuplicates()
    for number, words in known.items():
        index.add(number, ranks.of(words))
    return {number for words in map(ranks.of, others) if not ranks.alone(words) for number in index.near(words)}


def _pairs(ranks: Sequence[int]) -> list[int]:
    """Return the pairs of words of which near sets share one, each as one number."""
    prefix = ranks[: _most_missing(len(ranks)) + 2]
    return [one << 32 | other for one, other in combinations(prefix, 2)]


def _signature(ranks: Iterable[int]) -> int:
    """Return a set as a few bits: of two, at least as many words differ as bits do."""
    signature = 0
    for rank in ranks:
        signature |= 1 << rank % BITS
    return signature


def _most_missing(size: int) -> int:
    """Return how many of its words a set of this size does not share with one that is near: a fifth at most."""
    return size // 5
