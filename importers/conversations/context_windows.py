"""Long sessions to stretches that fit a model: each reply trained in one of them, with what was said before it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from importers.conversations.turns import Block

WINDOW_WORDS = 350
"""The words of a window, unless one exchange alone takes more."""
OVERLAP_WORDS = 120
"""The words of context that a window repeats before its first reply."""


@dataclass(frozen=True, slots=True)
class Window:
    """Blocks `start` to `end` of a session; replies from block `new` on are trained here, those before are context."""

    start: int
    new: int
    end: int


def windows(blocks: Sequence[Block], first: int = 0) -> Iterator[Window]:
    """Yield the windows of a session, from block `first` on, that hold a reply to train on.

    Each such reply stands at or after the `new` of exactly one of them.
    """
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
    """Return where the context of a reply begins: with what it answers, and with more while it is short."""
    start = max(first, reply - 1)
    taken = blocks[start].words
    while start > first and taken + blocks[start - 1].words <= OVERLAP_WORDS:
        start -= 1
        taken += blocks[start].words
    # A model's template wants a conversation to begin with the other side.
    return start + 1 if blocks[start].mine and start < reply else start
