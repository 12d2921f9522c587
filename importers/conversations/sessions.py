"""Turns and sessions: who wrote in one go, and which turns belong to one conversation.

A session ends where the silence is longer than the chat's own gap. The gap is learned from the chat: the pauses within
a conversation and those between conversations are two hills on a logarithmic axis, and the cut goes into the valley.
There is no deadline for a reply: whatever comes within the session answers.
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
"""The gap, in seconds, of a chat too small or too even to learn one from."""
FEWEST_MESSAGES = 200
"""Below this many messages nothing is learned."""

_BINS_PER_DECADE = 8
_LONGEST_PAUSE = 14 * 24 * 60 * 60
_SMOOTHING = (1, 2, 3, 2, 1)
_DEPTH = 0.8
"""A valley lies at most this share of the lower of its two hills."""


class Turn(msgspec.Struct, frozen=True, gc=False):
    """Consecutive messages of one sender within a session; each is a bubble."""

    sender: str
    messages: tuple[Message, ...]

    @property
    def text(self) -> str:
        """What the turn says in a conversation, a line a bubble."""
        return "\n".join(message.content for message in self.messages)


class Session(msgspec.Struct, frozen=True, gc=False):
    """Turns of one chat with no silence longer than its gap between them; never empty."""

    chat: str
    turns: tuple[Turn, ...]

    @property
    def started(self) -> int:
        """When its first message was sent, in Unix seconds."""
        return self.turns[0].messages[0].sent_at

    @property
    def ended(self) -> int:
        """When its last message was sent, in Unix seconds."""
        return self.turns[-1].messages[-1].sent_at


@dataclass(frozen=True, slots=True)
class Gap:
    """The longest silence within a session, in seconds, and whether the chat itself gave it."""

    seconds: int
    how: Literal["learned", "default"]


class Sessions(list[Session]):
    """The sessions of one chat, in order, and the gap that parts them."""

    def __init__(self, sessions: Iterable[Session], gap: Gap) -> None:
        super().__init__(sessions)
        self.gap = gap


def sessions(messages: Iterable[Message]) -> Sessions:
    """Part the messages of one chat, given in order, into sessions of turns."""
    ordered = deque(messages)
    if len({message.chat for message in ordered}) > 1:
        raise ValueError("messages of several chats cannot be one conversation")
    gap = learn_gap([message.sent_at for message in ordered])
    return Sessions(part(ordered, gap), gap)


def part(messages: deque[Message], gap: Gap) -> Iterator[Session]:
    """Take the messages of one chat, in order, out of a queue and yield its sessions.

    What was yielded is in the queue no more, so a chat of a million messages is not held twice.
    """
    take = messages.popleft
    while messages:
        runs = [[take()]]
        # Messages come by their ids; time goes back where an hour was turned back, or exports of one chat were merged.
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
    # The middle of a flat valley floor is as far from both hills as can be.
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
