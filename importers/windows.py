"""Long sessions to stretches that fit a model: each reply trained in one of them, with what was said before it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from importers.exchange import Block

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


def windows(blocks: Sequence[Block]) -> Iterator[Window]:
    """Yield the windows of a session that hold a reply to train on, each such reply at or after one window's `new`."""
    wanted = [place for place, block in enumerate(blocks) if block.trained]
    at = 0
    while at < len(wanted):
        first = wanted[at]
        start = _context(blocks, first)
        taken = sum(block.words for block in blocks[start : first + 1])
        end = first + 1
        at += 1
        while at < len(wanted):
            taken += sum(block.words for block in blocks[end : wanted[at] + 1])
            if taken > WINDOW_WORDS:
                break
            end = wanted[at] + 1
            at += 1
        yield Window(start, first, end)


def _context(blocks: Sequence[Block], reply: int) -> int:
    """Return where the context of a reply begins: with what it answers, and with more while it is short."""
    start = max(0, reply - 1)
    taken = blocks[start].words
    while start > 0 and taken + blocks[start - 1].words <= OVERLAP_WORDS:
        start -= 1
        taken += blocks[start].words
    # A model's template wants a conversation to begin with the other side.
    return start + 1 if blocks[start].mine and start < reply else start
