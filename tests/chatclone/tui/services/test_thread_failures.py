"""An unexpected error in a thread is logged and shown."""

import logging
import threading

import pytest

from chatclone.conversations import ChatStore
from tests.chatclone.tui.stage import app_with, awake, until
from tests.fakes import FakeEngine


def fail() -> None:
    """Fail as a bug does, with words that must not reach the log."""
    raise KeyError("somebody's words")


async def test_a_thread_that_fails(
    store: ChatStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has the place and no words of people; the screen says that something failed."""
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # set back afterwards
    with caplog.at_level(logging.ERROR):
        async with app_with(FakeEngine("ok"), store).run_test() as pilot:
            await awake(pilot)
            threading.Thread(target=fail, name="worker of the test").start()
            await until(pilot, lambda: len(pilot.app._notifications) > 0)
            (notice,) = pilot.app._notifications
            assert notice.message == "error: KeyError\ntry: the log, chatclone.log, says where"
    assert "thread worker of the test failed: KeyError" in caplog.text
