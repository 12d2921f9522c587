"""Splits long sessions into windows that fit a model's context: each reply is trained in exactly one of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from importers.conversations.turns import Block

WINDOW_WORDS = 350
"""Words in a window, unless a single exchange is longer."""
OVERLAP_WORDS = 120
"""Words of context that a window repeats before its first reply."""


@dataclass(frozen=True, slots=True)
class Window:
    """Blocks `start` to `end` of a session; replies from block `new` on are trained here, earlier ones are context."""

    start: int
    new: int
    end: int


def windows(blocks: Sequence[Block], first: int = 0) -> Iterator[Window]:
    """Yield the windows of a session, from block `first` on, that hold a reply to train on."""
    wanted = [place for place in range(first, len(blocks)) if blocks[place].trained]
    at = 0
    while at < len(wanted):
        new = wanted[at]
        start = _context(blocks, new, first)
        taken = sum([block.words for block in blocks[start : new + 1]])
        end = new + 1
        at += 1
        while at < len(wanted):
            taken += sum([block.words for block in blocks[end : wanted[at] + 1]])
            if taken > WINDOW_WORDS:
                break
            end = wanted[at] + 1
            at += 1
        yield Window(start, new, end)


def _context(blocks: Sequence[Block], reply: int, first: int) -> int:
    """Return where the context of a reply begins: at the block it answers, or earlier up to `OVERLAP_WORDS`."""
    start = max(first, reply - 1)
    taken = blocks[start].words
    while start > first and taken + blocks[start - 1].words <= OVERLAP_WORDS:
        start -= 1
        taken += blocks[start].words
    # Chat templates want the first turn to be the user's.
    return start + 1 if blocks[start].mine and start < reply else start
