"""What the app's tests share: an empty store, and times in UTC wherever they run."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatclone.chats import ChatStore
from tests.chatclone.tui.stage import store_in


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the time zone, and set it back."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    """An empty store."""
    opened = store_in(tmp_path)
    yield opened
    opened.close()
