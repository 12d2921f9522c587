"""Files that are written completely or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatclone.export.large_files import partial_name, remove_partial_files, written_whole


def test_renamed_when_whole(tmp_path: Path) -> None:
    """The file appears at the end, readable by its owner only."""
    target = tmp_path / "models" / "a.gguf"
    with written_whole(target) as partial:
        partial.write_bytes(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(target.parent.iterdir()) == [target]


def test_failure_keeps_the_old(tmp_path: Path) -> None:
    """A failure leaves the older file unchanged, and no other file."""
    target = tmp_path / "a.gguf"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), written_whole(target) as partial:
        partial.write_bytes(b"ha")
        raise KeyboardInterrupt
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


class TestLeftOver:
    """The files of a killed export are removed by the next one."""

    def test_of_a_killed_process(self, tmp_path: Path) -> None:
        """Unfinished files and folders of a dead process are removed."""
        killed = """
import os, sys
from pathlib import Path
from chatclone.export.large_files import partial_name, written_whole
folder = Path(sys.argv[1])
(folder / (partial_name("merge") + "x")).mkdir()
(folder / (partial_name("merge") + "x") / "model.safetensors").touch()
with written_whole(folder / "a.gguf") as partial:
    partial.touch()
    partial.with_suffix(".f16.gguf").touch()
    os._exit(9)
"""
        subprocess.run([sys.executable, "-c", killed, str(tmp_path)], check=False)
        assert len(list(tmp_path.iterdir())) == 3
        assert len(remove_partial_files(tmp_path, tmp_path / "none")) == 3
        assert not list(tmp_path.iterdir())

    def test_others_stay(self, tmp_path: Path) -> None:
        """Files of a running process stay, and so do other files."""
        (tmp_path / (partial_name("a") + ".gguf")).touch()
        (tmp_path / f".a.{os.getppid()}.partial.gguf").touch()
        (tmp_path / "a.partial.gguf").touch()
        (tmp_path / ".hidden").touch()
        assert remove_partial_files(tmp_path) == []
        assert len(list(tmp_path.iterdir())) == 4
