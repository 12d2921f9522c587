"""Messages part into turns and sessions, and the silence that parts them is the chat's own."""

import random
from collections import deque
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.conversations.sessions import DEFAULT_GAP, LONGEST_GAP, SHORTEST_GAP, Session, learn_gap, split_sessions
from importers.message import Message
from tests.importers.making import DAY, HOUR, MINUTE, NOON, conversation, message


def bimodal(within: float, between: float, seed: int = 1) -> list[int]:
    """Return the times of a chat with pauses around two lengths, in seconds."""
    chance = random.Random(seed)
    at, times = NOON, []
    for _ in range(1000):
        times.append(at)
        at += round(chance.lognormvariate(0, 0.8) * (between if chance.random() < 0.1 else within))
    return times


def sessions(messages: Iterable[Message]) -> list[Session]:
    """Return the sessions of one chat, by its own gap."""
    ordered = deque(messages)
    return list(split_sessions(ordered, learn_gap([message.sent_at for message in ordered])))


class TestTurns:
    def test_bubbles_are_one_turn(self) -> None:
        """Consecutive messages of one sender are one turn, a line each."""
        (session,) = sessions(conversation(("you", "hi"), ("me", "hey"), ("me", "what's up"), ("you", "nm")))
        assert [(turn.sender, [m.text for m in turn.messages]) for turn in session.turns] == [
            ("you", ["hi"]),
            ("me", ["hey", "what's up"]),
            ("you", ["nm"]),
        ]

    def test_late_replies_are_replies(self) -> None:
        """A reply after 50 minutes is in the session of its prompt; after a day it is not."""
        question = message(1, "you", at=NOON)
        assert len(sessions([question, message(2, at=NOON + 50 * MINUTE)])) == 1
        assert len(sessions([question, message(2, at=NOON + DAY + 2 * MINUTE)])) == 2

    def test_nothing(self) -> None:
        """A chat without messages has no sessions."""
        assert sessions([]) == []

    def test_time_that_goes_back(self) -> None:
        """A message months before the previous one, as in merged exports, begins a new session."""
        assert len(sessions([message(1, "you", at=NOON + 200 * DAY), message(2, at=NOON)])) == 2
        assert len(sessions([message(1, "you", at=NOON), message(2, at=NOON - 40 * MINUTE)])) == 1

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-3 * HOUR, 3 * HOUR)), max_size=30))
    def test_nothing_is_lost(self, pauses: list[tuple[str, int]]) -> None:
        """Every message is in one turn of one session, in order; adjacent turns differ in sender or are a gap apart."""
        at, messages = NOON, []
        for number, (sender, pause) in enumerate(pauses):
            at += pause
            messages.append(message(number, sender, at=at))
        made = sessions(messages)
        gap = learn_gap([m.sent_at for m in messages]).seconds
        assert [m for session in made for turn in session.turns for m in turn.messages] == messages
        for session in made:
            assert all(a.sender != b.sender for a, b in pairwise(session.turns))
        for a, b in pairwise(made):
            assert abs(b.turns[0].messages[0].sent_at - a.turns[-1].messages[-1].sent_at) > gap


class TestGap:
    @pytest.mark.parametrize(("within", "between"), [(30, 10 * HOUR), (20, 2 * DAY), (300, DAY), (5, 5 * HOUR)])
    def test_valley(self, within: float, between: float) -> None:
        """The gap is between two kinds of pauses."""
        gap = learn_gap(bimodal(within, between))
        assert gap.how == "learned"
        assert within * 4 < gap.seconds < between
        assert SHORTEST_GAP <= gap.seconds <= LONGEST_GAP

    def test_even_chats_learn_nothing(self) -> None:
        """No gap is learned from pauses of one kind."""
        assert learn_gap([NOON + 30 * i for i in range(1000)]).how == "default"

    def test_small_chats_learn_nothing(self) -> None:
        """No gap is learned from too few messages."""
        gap = learn_gap(bimodal(30, DAY)[:150])
        assert (gap.seconds, gap.how) == (DEFAULT_GAP, "default")
