"""Turns and sessions of a chat.

A turn is consecutive messages of one sender. A session ends at a silence longer than the chat's gap, which is learned:
on a logarithmic axis, pauses within a conversation and pauses between conversations form two hills, and the gap is the
valley between them. There is no time limit for a reply within a session.
"""

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import msgspec

from importers.message import Message

SHORTEST_GAP, LONGEST_GAP = 10 * 60, 12 * 60 * 60
"""Bounds of a learned gap, in seconds."""
DEFAULT_GAP = 60 * 60
"""The gap, in seconds, of a chat from which none can be learned."""
FEWEST_MESSAGES = 200
"""Messages that a chat needs for a gap to be learned."""

_BINS_PER_DECADE = 8
_LONGEST_PAUSE = 14 * 24 * 60 * 60
_SMOOTHING = (1, 2, 3, 2, 1)
_DEPTH = 0.8
"""The most that a valley may reach of the lower of its two hills."""


class Turn(msgspec.Struct, frozen=True, gc=False):
    """Consecutive messages of one sender within a session."""

    sender: str
    messages: tuple[Message, ...]


class Session(msgspec.Struct, frozen=True, gc=False):
    """Consecutive turns of one chat without a silence longer than its gap; never empty."""

    chat: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """The longest silence within a session, in seconds, and where it comes from."""

    seconds: int
    how: Literal["learned", "default"]


def split_sessions(messages: deque[Message], gap: Gap) -> Iterator[Session]:
    """Yield the sessions of one chat, whose messages are in order.

    Messages are removed from the queue as they are yielded, so that a chat of a million is not held twice.
    """
    take = messages.popleft
    while messages:
        runs = [[take()]]
        # Messages are in the order of their ids; in merged exports, and where clocks were set back, time is not.
        while messages and abs(messages[0].sent_at - runs[-1][-1].sent_at) <= gap.seconds:
            if messages[0].sender == runs[-1][0].sender:
                runs[-1].append(take())
            else:
                runs.append([take()])
        yield Session(runs[0][0].chat, tuple([Turn(run[0].sender, tuple(run)) for run in runs]))


def learn_gap(times: Sequence[int]) -> Gap:
    """Return the gap of a chat whose messages were sent at `times`, in Unix seconds and in order."""
    if len(times) < FEWEST_MESSAGES:
        return Gap(DEFAULT_GAP, "default")
    hills = _histogram([abs(later - earlier) for earlier, later in pairwise(times)])
    first, last = _bin(SHORTEST_GAP), _bin(LONGEST_GAP)
    deepest = min(hills[first : last + 1])
    # Of a flat valley floor, the middle is farthest from both hills.
    floor = [i for i in range(first, last + 1) if hills[i] == deepest]
    valley = floor[len(floor) // 2]
    lower_hill = min(max(hills[:valley], default=0), max(hills[valley + 1 :], default=0))
    if deepest > _DEPTH * lower_hill or lower_hill == 0:
        return Gap(DEFAULT_GAP, "default")
    seconds = round(10 ** ((valley + 0.5) / _BINS_PER_DECADE))
    return Gap(min(max(seconds, SHORTEST_GAP), LONGEST_GAP), "learned")


def _bin(pause: int) -> int:
    return int(math.log10(min(max(pause, 1), _LONGEST_PAUSE)) * _BINS_PER_DECADE)


def _histogram(pauses: Iterable[int]) -> list[int]:
    """Count pauses in bins of logarithmic width, and smooth the counts."""
    counts = [0] * (_bin(_LONGEST_PAUSE) + 1)
    for pause, number in Counter(pauses).items():
        counts[_bin(pause)] += number
    reach = len(_SMOOTHING) // 2
    padded = [0] * reach + counts + [0] * reach
    return [sum(weight * padded[i + j] for j, weight in enumerate(_SMOOTHING)) for i in range(len(counts))]
