"""Many objects of a JSON array decoded at once, straight from the bytes of the file.

Where a run ends is guessed from how its first object begins, which in a file written by a program is how all begin.
Nothing rests on the guess: whatever decodes as the elements of an array is exactly that, wherever it was cut.
"""

import re
from typing import TypeVar

import msgspec

LONGEST = 1 << 16
"""Bytes of a run: enough to spend no time between runs, and few enough to stay in a processor's cache."""
SHORTEST = 1 << 12
"""Bytes that are tried where the last try failed, so that a file full of faults costs little more than without runs."""

_SPACE = b" \t\n\r"
_FIRST_KEY = re.compile(rb'[ \t\n\r]*(\{([ \t\n\r]*)"[^"\\]{0,64}")')
"""An object up to the end of its first key."""
_FAULT_AT = re.compile(r"\(byte (\d+)\)$")

T = TypeVar("T")


def decode_run(data: bytes, at: int, reach: int, decoder: msgspec.json.Decoder[list[T]]) -> tuple[list[T], int, int]:
    """Decode what follows `at` within `reach` bytes, all but the last object or up to the end of the array.

    Returns the values, where they end in `data`, and how far to reach the next time. There are no values where not
    even the first object can be told from what follows it.
    """
    if (first := _FIRST_KEY.match(data, at)) is None:
        return [], at, reach
    head, start = first[1], first.start(1)
    end = furthest = _end_of_array(data, start, at + reach, first[2])
    if end < 0:
        end = furthest = data.rfind(head, start + 1, at + reach)
    if end < 0:
        return [], at, min(2 * reach, LONGEST)
    while end > start:
        stop = _before_comma(data, end)
        try:
            values = decoder.decode(b"".join((b"[", memoryview(data)[start:stop], b"]")))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            end = _earlier(data, head, start, end, str(error))
        else:
            reach = 2 * (reach if end == furthest else stop - at)
            return values, stop, max(SHORTEST, min(reach, LONGEST))
    return [], at, SHORTEST


def _end_of_array(data: bytes, start: int, limit: int, indentation: bytes) -> int:
    """Return where the array closes whose first object begins at `start`, by its layout; -1 where that is not known.

    Looked for at an array's first object alone: most arrays are short, and the end of a long one shows by itself.
    """
    before = start
    while before and data[before - 1] in _SPACE:
        before -= 1
    space = data[before:start]
    outer = len(space) - (len(indentation) - len(space))
    if not before or data[before - 1] != ord("[") or not 0 < outer < len(space) or not indentation.startswith(space):
        return -1
    return data.find(space[:outer] + b"]", start, limit)


def _before_comma(data: bytes, end: int) -> int:
    """Return where the element ends that stands before `end`, without the comma and the space behind it."""
    while data[end - 1] in _SPACE:
        end -= 1
    return end - 1 if data[end - 1] == ord(",") else end


def _earlier(data: bytes, head: bytes, start: int, end: int, error: str) -> int:
    """Return where a run from `start` may end, given why the one to `end` is none; -1 where it cannot."""
    fault = _FAULT_AT.search(error)
    if fault is None:
        return data.rfind(head, start + 1, start + (end - start) // 2)
    at = start + int(fault[1]) - 1  # the bracket before the run is not in the data
    if "trailing characters" in error:
        # The array ended, and the run was to go on into the next one.
        return data.rfind(b"]", start, at)
    return data.rfind(head, start + 1, at)
