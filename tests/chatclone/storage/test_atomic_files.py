"""Files that are replaced whole or not at all."""

from pathlib import Path

import pytest

from chatclone.storage.atomic_files import replacing, write_atomically


def test_replaced(tmp_path: Path) -> None:
    """The new text is there, private, and nothing lies beside it."""
    path = tmp_path / "a.toml"
    write_atomically(path, "old")
    write_atomically(path, "новое 🐌")
    assert path.read_text("utf-8") == "новое 🐌"
    assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [path]


def test_failure_keeps_the_old(tmp_path: Path) -> None:
    """When writing fails in the middle, the old text stays and the half-written file goes."""
    path = tmp_path / "a.toml"
    write_atomically(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as file:
        file.write(b"half")
        raise RuntimeError("disk full")
    assert path.read_text("utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
