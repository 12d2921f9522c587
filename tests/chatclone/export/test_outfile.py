"""Files that appear whole or not at all."""

from pathlib import Path

import pytest

from chatclone.export.outfile import written_whole


def test_renamed_when_whole(tmp_path: Path) -> None:
    """Nothing is there before the end, and then the file, readable by its owner only."""
    target = tmp_path / "models" / "a.gguf"
    with written_whole(target) as partial:
        partial.write_bytes(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(target.parent.iterdir()) == [target]


def test_failure_keeps_the_old(tmp_path: Path) -> None:
    """A failure leaves the older file as it was, and nothing beside it."""
    target = tmp_path / "a.gguf"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), written_whole(target) as partial:
        partial.write_bytes(b"ha")
        raise KeyboardInterrupt
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
