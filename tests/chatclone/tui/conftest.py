"""What the app's tests share: an empty store, and times in UTC and texts in English wherever they run."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatclone.conversations import ChatStore
from chatclone.i18n.translate import ENGLISH, LOCALE_VARIABLES, use
from tests.chatclone.tui.stage import store_in


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the time zone, and set it back."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def in_english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no language behind, and take none from who runs the tests."""
    for name in LOCALE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    use(ENGLISH)
    yield
    use(ENGLISH)


@pytest.fixture(autouse=True)
def in_all_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw as in a terminal that has them all, whichever the tests are started in."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    """An empty store."""
    opened = store_in(tmp_path)
    yield opened
    opened.close()
