"""Where a long conversation begins in the prompt: it moves seldom, and not for what memory recalls."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatclone.prompt.context_window import KEPT, MEMORY_SHARE, TOKENS_A_WORD, window
from chatclone.prompt.render import ChatMessage
from tests.fakes import chatml

SYSTEM = ChatMessage("system", "You are Mira.")
TEMPLATE = chatml()


def conversation(lengths: list[int]) -> list[ChatMessage]:
    """Return turns of these lengths, the user's and the clone's in turn, the last one the user's."""
    last = len(lengths) - 1
    return [ChatMessage("assistant" if (last - n) % 2 else "user", "x" * length) for n, length in enumerate(lengths)]


def begin(turns: list[ChatMessage], limit: int, words: int = 0) -> int:
    return len(turns) - len(window(TEMPLATE, SYSTEM, turns, limit, words).turns)


class TestBeginning:
    """The first turn in the prompt."""

    def test_all_of_it(self) -> None:
        """A conversation that fits stands there whole."""
        assert begin(conversation([20] * 9), 1000) == 0

    def test_one_large_step(self) -> None:
        """A full window loses half of its turns at once, and then none until it is full again."""
        begins = [begin(conversation([20] * (2 * n + 1)), 1000) for n in range(60)]
        steps = [after - before for before, after in pairwise(begins) if after != before]
        assert len(steps) >= 3
        assert min(steps) >= 8
        between = [begins.count(start) for start in set(begins)]
        assert min(between[1:-1]) >= 4

    @given(st.lists(st.integers(0, 300), min_size=1, max_size=40), st.integers(300, 2000), st.integers(0, 400))
    def test_moves_forward_only(self, lengths: list[int], limit: int, words: int) -> None:
        """With each exchange it stays or moves on, so that what an engine holds keeps its worth."""
        whole = conversation(lengths)
        ends = range(2 - len(whole) % 2, len(whole) + 1, 2) if len(whole) > 1 else [1]
        begins = [begin(whole[:end], limit, words) for end in ends if whole[end - 1].role == "user"]
        assert begins == sorted(begins)

    @given(st.lists(st.integers(0, 300), min_size=1, max_size=40), st.integers(300, 2000), st.integers(0, 400))
    def test_fits(self, lengths: list[int], limit: int, words: int) -> None:
        """Turns and memory's part together fit, unless the last turn alone is too long."""
        turns = conversation(lengths)
        seen = window(TEMPLATE, SYSTEM, turns, limit, words)
        tokens = len(TEMPLATE.encode(TEMPLATE.render([SYSTEM, *seen.turns], reply_next=True)))
        assert seen.turns[-1] == turns[-1]
        assert tokens + seen.memory_tokens <= limit or len(seen.turns) == 1

    @pytest.mark.parametrize("limit", [120, 500])
    def test_begins_with_the_user(self, limit: int) -> None:
        """The first of the turns that are left is a question, not the answer to one that went."""
        seen = window(TEMPLATE, SYSTEM, conversation([20] * 41), limit, 0)
        assert seen.turns[0].role == "user"


class TestMemory:
    """The part that is memory's."""

    def test_set_aside(self) -> None:
        """It is three tokens a word, and never so much that the conversation has less than its share."""
        assert window(TEMPLATE, SYSTEM, conversation([5]), 4000, 400).memory_tokens == 400 * TOKENS_A_WORD
        small = window(TEMPLATE, SYSTEM, conversation([5]), 1000, 400)
        assert 0.9 * 1000 * MEMORY_SHARE < small.memory_tokens < 1000 * MEMORY_SHARE

    def test_yields_to_a_long_question(self) -> None:
        """A last turn that needs memory's part gets it."""
        assert 0 < window(TEMPLATE, SYSTEM, conversation([700]), 1000, 400).memory_tokens < 300
        assert window(TEMPLATE, SYSTEM, conversation([990]), 1000, 400).memory_tokens == 0

    def test_half_is_kept(self) -> None:
        """What is left after a step fills about half of the conversation's part."""
        turns = conversation([20] * 39)
        limit = 1000
        while begin(turns, limit) == 0:
            limit -= 10
        kept = sum(len(turn.content) for turn in window(TEMPLATE, SYSTEM, turns, limit, 0).turns)
        assert kept < KEPT * limit
