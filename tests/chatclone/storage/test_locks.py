"""Locks between processes: held by one, free when it ends however that is, and an error where there are none."""

import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from chatclone.errors import ChatcloneError
from chatclone.storage.locks import ProcessMark, is_running, locked, remove_dead_marks

HOLD = """
import sys, time
from pathlib import Path
from chatclone.storage.locks import ProcessMark, locked
mark = ProcessMark(Path(sys.argv[1]))
with locked(Path(sys.argv[1])):
    print(mark.name, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to lock."""
    return tmp_path / "chats.sqlite"


def test_another_process(path: Path) -> None:
    """What a process holds is refused to others while it runs, and free once it is killed."""
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    name = other.stdout.readline().strip()
    try:
        assert is_running(path, name)
        with pytest.raises(ChatcloneError, match="in use by another chatclone"), locked(path, 0.1):
            pass
    finally:
        other.kill()
        other.communicate()
    with locked(path, 5):
        pass
    assert not is_running(path, name)
    assert not list(path.parent.glob("*.running"))


def test_marks(path: Path) -> None:
    """A mark of this process counts as running until it is removed; dead ones are swept."""
    mark = ProcessMark(path)
    assert is_running(path, mark.name)
    path.with_name(f"{path.name}-0123.running").touch()
    remove_dead_marks(path)
    assert [p.name for p in path.parent.glob("*.running")] == [f"{path.name}-{mark.name}.running"]
    mark.remove()
    mark.remove()
    assert not is_running(path, mark.name)


def test_without_locks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that has no locks is named, at once; nothing waits for ever."""

    def refuse(self: filelock.FileLock) -> None:
        raise NotImplementedError("FileSystem does not appear to support flock; use SoftFileLock instead")

    monkeypatch.setattr(filelock.FileLock, "_acquire", refuse)
    for attempt in (lambda: locked(path).__enter__(), lambda: ProcessMark(path)):
        with pytest.raises(ChatcloneError, match="does not appear to support flock") as error:
            attempt()
        assert "--home" in error.value.hint
