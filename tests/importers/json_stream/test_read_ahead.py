"""Bytes are taken in order with any block size, and returned bytes come first."""

import io

import pytest

from importers.json_stream import read_ahead
from importers.json_stream.read_ahead import ReadAhead


@pytest.mark.parametrize("block", [1, 3, 100])
class TestReadAhead:
    def test_takes_all_in_order(self, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """All bytes come once, fewer at the end, none behind it."""
        monkeypatch.setattr(read_ahead, "BLOCK", block)
        ahead = ReadAhead(io.BytesIO(b"abcdefg"))
        assert [ahead.take(3) for _ in range(4)] == [b"abc", b"def", b"g", b""]

    def test_looks_ahead(self, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Inspected bytes can still be taken."""
        monkeypatch.setattr(read_ahead, "BLOCK", block)
        ahead = ReadAhead(io.BytesIO(b"abcdefg"))
        ahead.take(2)
        ahead.fill(4)
        assert ahead.data[ahead.at :].startswith(b"cdef")
        assert ahead.take(5) == b"cdefg"
        ahead.fill(4)
        assert ahead.data[ahead.at :] == b""

    def test_gives_back(self, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Returned bytes come next, even if they differ from the taken ones."""
        monkeypatch.setattr(read_ahead, "BLOCK", block)
        ahead = ReadAhead(io.BytesIO(b"abcdefg"))
        ahead.give_back(ahead.take(3)[1:])
        assert ahead.take(3) == b"bcd"
        ahead.give_back(b"XYZ")
        assert ahead.take(9) == b"XYZefg"
