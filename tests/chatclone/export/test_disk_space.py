"""Disk space, and memory for a merge."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError
from chatclone.export.large_files import check_disk_space
from chatclone.export.merged_gguf import merge_memory_bytes

Usage = namedtuple("Usage", "total used free")


def test_merge_memory() -> None:
    """The estimate is above what was measured, and not far."""
    assert 2.4e9 < merge_memory_bytes(387_000_000, 2) < 2.8e9
    assert 3.8e9 < merge_memory_bytes(284_000_000, 4) < 4.5e9


class TestCheck:
    """Too little space is an error before anything is written."""

    def test_enough(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """With enough space nothing is raised; a folder need not exist yet."""
        monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(9e9, 4e9, 5_000_000_000))
        check_disk_space({tmp_path / "not" / "there": 4_900_000_000})

    def test_one_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The needs of folders on one disk are added up."""
        monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(9e9, 4e9, 5_000_000_000))
        with pytest.raises(ChatcloneError, match=r"needs 6\.1 GB in .+ and 5\.0 GB is free") as caught:
            check_disk_space({tmp_path / "models": 3_000_000_000, tmp_path / "cache": 3_000_000_000})
        assert "--out" in caught.value.hint

    def test_nothing_needed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A full disk to which nothing is written is accepted."""
        monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(9e9, 9e9, 0))
        check_disk_space({tmp_path: 0})
