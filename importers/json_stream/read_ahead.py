"""A buffered binary file whose bytes can be inspected before they are taken, and returned afterwards."""

from typing import BinaryIO

BLOCK = 1 << 18
"""Bytes read at a time."""

KEPT = 1 << 7
"""Taken bytes that stay visible in `data`."""


class ReadAhead:
    """A file read from front to back; `data[at:]` was read and not yet taken."""

    def __init__(self, file: BinaryIO) -> None:
        self.data = b""
        self.at = 0
        self._file = file
        self._ended = False

    def fill(self, size: int) -> None:
        """Read until `size` bytes are available, or the file ends."""
        while len(self.data) - self.at < size and not self._ended:
            block = self._file.read(max(BLOCK, size))
            self._ended = not block
            forgotten = max(0, self.at - KEPT)
            self.data = self.data[forgotten:] + block
            self.at -= forgotten

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end of the file."""
        self.fill(size)
        taken = self.data[self.at : self.at + size]
        self.at += len(taken)
        return taken

    def give_back(self, taken: bytes) -> None:
        """Put bytes before those not yet taken; they may differ from the ones that were taken."""
        start = self.at - len(taken)
        if start >= 0 and self.data.startswith(taken, start):
            self.at = start
        else:
            self.data, self.at = taken + self.data[self.at :], 0
