"""A binary file read ahead of whoever takes from it: bytes can be looked at before they are taken, and given back.

What was taken is forgotten but for its last bytes; `data[at:]` is what was read and not yet taken.
"""

from typing import BinaryIO

BLOCK = 1 << 18
"""Bytes read at a time."""

KEPT = 1 << 7
"""Bytes before the next one that can still be seen."""


class ReadAhead:
    """The bytes of a file, from front to back."""

    def __init__(self, file: BinaryIO) -> None:
        self.data = b""
        self.at = 0
        self._file = file
        self._ended = False

    def fill(self, size: int) -> None:
        """Have `size` bytes to look at, or all that are left."""
        while len(self.data) - self.at < size and not self._ended:
            block = self._file.read(max(BLOCK, size))
            self._ended = not block
            forgotten = max(0, self.at - KEPT)
            self.data = self.data[forgotten:] + block
            self.at -= forgotten

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end of the file, none behind it."""
        self.fill(size)
        taken = self.data[self.at : self.at + size]
        self.at += len(taken)
        return taken

    def give_back(self, taken: bytes) -> None:
        """Put bytes before those that were not taken; they need not be the ones that stood there."""
        start = self.at - len(taken)
        if start >= 0 and self.data.startswith(taken, start):
            self.at = start
        else:
            self.data, self.at = taken + self.data[self.at :], 0
