"""Which turns of a long conversation stand in a prompt, and how much room recalled memory has beside them.

An engine keeps what it has read, as far as the next prompt begins alike. So where the conversation begins in a prompt
hangs on the turns alone: never on how much memory recalls for the last of them. And when there is no more room, the
oldest go in one large step, so that the beginning stays for as many turns as there is room for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chatclone.prompt.render import ChatMessage, ChatTemplate

KEPT = 0.5
"""The share of the conversation's room that is filled after the oldest turns have gone."""
MEMORY_SHARE = 0.6
"""The most of a prompt that memory takes beside the system turn; the conversation has at least the rest."""
TOKENS_A_WORD = 3
"""Tokens set aside for a word of memory: names, dates and chat's own spelling need more of them than prose."""


@dataclass(frozen=True, slots=True)
class Window:
    """The newest turns that stand in the prompt, and the tokens that memory may take there."""

    turns: tuple[ChatMessage, ...]
    memory_tokens: int


def window(
    template: ChatTemplate, system: ChatMessage, turns: Sequence[ChatMessage], limit: int, memory_words: int
) -> Window:
    """Choose the turns of a conversation for a prompt of `limit` tokens, leaving room for `memory_words` of memory.

    One more turn at the end moves the beginning either not at all or past half of what stood there. A last turn too
    long for its part takes memory's; one too long for the whole prompt is for the template to refuse.
    """
    room = max(0, limit - template.length(system.content) - 2 * template.turn_overhead)
    memory = min(TOKENS_A_WORD * memory_words, int(MEMORY_SHARE * room))
    lengths = [template.length(turn.content) + template.turn_overhead for turn in turns]
    start = _start(lengths, room - memory)
    while start < len(turns) - 1 and turns[start].role != "user":  # a conversation begins with its user
        start += 1
    return Window(tuple(turns[start:]), max(0, min(memory, room - sum(lengths[start:]))))


def _start(lengths: Sequence[int], room: int) -> int:
    """Return where the conversation begins after it has grown turn by turn, each time cut where it outgrew `room`."""
    start = total = 0
    for end, length in enumerate(lengths):
        total += length
        if total > room:
            while start < end and total > KEPT * room:
                total -= lengths[start]
                start += 1
    return start
