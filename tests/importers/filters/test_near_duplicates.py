"""Near-duplicates are found without comparing all with all, and none is missed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.filters.near_duplicates import FEWEST_WORDS, NEAR, crossing, leaders


def numbered(*texts: str) -> list[list[int]]:
    """Return the words of texts as numbers, each once."""
    known: dict[str, int] = {}
    return [[known.setdefault(w, len(known)) for w in dict.fromkeys(text.split())] for text in texts]


def near(one: list[int], other: list[int]) -> bool:
    """Compare two sets directly."""
    a, b = set(one), set(other)
    return min(len(a), len(b)) >= FEWEST_WORDS and len(a & b) >= NEAR * len(a | b)


SETS = st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=10, unique=True), max_size=25)


class TestNear:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("i will bring the blue umbrella tomorrow", True),
            ("tomorrow i will bring the blue umbrella", True),
            ("i will bring the big blue umbrella tomorrow", True),
            ("i will bring the red car today", False),
            ("see you later", False),
        ],
    )
    def test_examples(self, text: str, found: bool) -> None:
        """Another order and a word more do not make a new sentence; short sentences may repeat."""
        *known, wanted = numbered("i will bring the blue umbrella tomorrow", "see you later", "something else", text)
        assert bool(crossing(dict(enumerate(known)), [wanted])) is found

    @given(SETS, SETS)
    def test_crossing_misses_nothing(self, known: list[list[int]], others: list[list[int]]) -> None:
        """What is found across the cut is what comparing all with all finds."""
        compared = {i for i, one in enumerate(known) if any(near(one, other) for other in others)}
        assert crossing(dict(enumerate(known)), others) == compared

    @given(SETS)
    def test_leaders(self, sets: list[list[int]]) -> None:
        """Everything is near to its leader, and no leader is near to another."""
        found = leaders(dict(enumerate(sets)))
        for number, leader in found.items():
            assert leader <= number
            assert number == leader or near(sets[number], sets[leader])
        heads = sorted({leader for leader in found.values()})
        assert not any(near(sets[a], sets[b]) for a in heads for b in heads if a < b)

    def test_few_words_cost_little(self) -> None:
        """A vocabulary of a dozen words, in which all share their rarest, is still no square of comparisons."""
        sets = {n: [n % 12, (n // 12) % 12 + 12, (n // 144) % 12 + 24, n // 1728 + 36, 99] for n in range(20_000)}
        assert len(leaders(sets)) == 20_000
