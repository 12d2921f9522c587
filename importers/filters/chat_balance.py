"""No chat may dominate: what a chat has beyond its share is put aside, so that the clone is not one for one person.

The rule: no chat gives more than `SHARE` of all trained replies. It has three bounds, since replies are worth more
than balance where there are few:

- It needs others to balance with. With no more chats than the share has room for (four at a quarter) it could not be
  met, or only by throwing away all that makes them differ; then nothing is put aside.
- A small data set is left whole, and none is made smaller than `ENOUGH`: below some thousand replies every one teaches.
- At most half of all replies are put aside. Somebody who writes with one person nine times of ten is who they are with
  that person.

Within these bounds the limit is the largest number of replies that no chat exceeds. Which of a chat's replies stay is
told by a hash of the message, so it looks random, is spread over time, and is the same after the next import: what
stayed under a limit stays under a larger one.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

SHARE = 0.25
"""The share of all trained replies that one chat may have."""
ENOUGH = 2000
"""A data set of that many replies is never made smaller: seed projects trained good clones on fewer."""
MOST_PUT_ASIDE = 0.5
"""The share of all trained replies that may be put aside."""


def limit(trained: Mapping[str, int], share: float = SHARE) -> int | None:
    """Return how many replies a chat may give, from how many each has, or None where all of them may stay."""
    numbers = sorted((number for number in trained.values() if number), reverse=True)
    total = sum(numbers)
    if len(numbers) <= 1 / share or total <= ENOUGH or numbers[0] <= share * total:
        return None
    by_share = _largest(numbers, share)
    least = max(ENOUGH, round(total * (1 - MOST_PUT_ASIDE)))
    by_size = _fewest(numbers, least)
    allowed = max(by_share, by_size)
    return allowed if allowed < numbers[0] else None


def put_aside(chat: str, messages: Sequence[int], keep: int) -> list[int]:
    """Return the places of those among a chat's replies, given by message ids, that do not stay."""
    order = sorted(range(len(messages)), key=lambda place: _digest(chat, messages[place]))
    return sorted(order[keep:])


def _largest(numbers: Sequence[int], share: float) -> int:
    """Return the largest limit that is at most `share` of what all give under it."""
    low, high = 0, numbers[0]
    while low < high:
        middle = (low + high + 1) // 2
        if middle <= share * sum(min(number, middle) for number in numbers):
            low = middle
        else:
            high = middle - 1
    return low


def _fewest(numbers: Sequence[int], least: int) -> int:
    """Return the smallest limit under which all together give `least` replies."""
    low, high = 0, numbers[0]
    while low < high:
        middle = (low + high) // 2
        if sum(min(number, middle) for number in numbers) >= least:
            high = middle
        else:
            low = middle + 1
    return low


def _digest(chat: str, message: int) -> bytes:
    return blake2b(f"{chat}/{message}".encode("utf-8", "replace"), digest_size=8).digest()
