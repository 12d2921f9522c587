"""Decodes many objects of a JSON array at once, directly from the bytes of the file.

The end of a batch is guessed: in a file written by a program, all objects of an array begin like the first. A wrong
guess does no harm, since bytes that decode as elements of an array are elements of it.
"""

import re
from typing import TypeVar

import msgspec

LONGEST = 1 << 16
"""Most bytes of a batch: they fit a processor's cache."""
SHORTEST = 1 << 12
"""Bytes that are tried after a failure, so that a file with many faults costs little more than without batches."""

_SPACE = b" \t\n\r"
_FIRST_KEY = re.compile(rb'[ \t\n\r]*(\{([ \t\n\r]*)"[^"\\]{0,64}")')
"""The beginning of an object up to the end of its first key."""
_FAULT_AT = re.compile(r"\(byte (\d+)\)$")

T = TypeVar("T")


def decode_run(data: bytes, at: int, reach: int, decoder: msgspec.json.Decoder[list[T]]) -> tuple[list[T], int, int]:
    """Decode the objects that follow `at` within `reach` bytes, except for the last one unless the array ends there.

    Returns the values, their end in `data`, and the `reach` for the next call; no values if no batch could be decoded.
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
    """Return the end of the array whose first object begins at `start`, by its indentation; -1 if unknown.

    Only an array's first object is examined: most arrays are short, and the end of a long one raises a decoding error.
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
    """Return the end of the element before `end`, without a comma and white space after it."""
    while data[end - 1] in _SPACE:
        end -= 1
    return end - 1 if data[end - 1] == ord(",") else end


def _earlier(data: bytes, head: bytes, start: int, end: int, error: str) -> int:
    """Return an earlier end for a batch, given the error of decoding it up to `end`; -1 if there is none."""
    fault = _FAULT_AT.search(error)
    if fault is None:
        return data.rfind(head, start + 1, start + (end - start) // 2)
    at = start + int(fault[1]) - 1  # less the bracket that was put before the batch
    if "trailing characters" in error:
        # The array ends within the batch.
        return data.rfind(b"]", start, at)
    return data.rfind(head, start + 1, at)
