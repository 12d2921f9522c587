"""The app from its start to its end."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatclone.clone.clone import Clone
from chatclone.conversations import ChatStore
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.run_app import run_app
from tests.chatclone.tui.stage import app_with, until
from tests.fakes import FakeEngine


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """Leave the garbage collector on, whatever a test does."""
    yield
    gc.enable()


class TestCollecting:
    """Until the first paint nothing is collected; from then on it is."""

    def test_it_is_off_on_the_way_and_on_again_whatever_happens(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An app that breaks leaves the process as it was."""
        seen = []

        def run(app: ChatcloneApp) -> None:
            seen.append(gc.isenabled())
            raise OSError("no terminal")

        def asleep() -> tuple[Clone, str]:
            raise AssertionError("nobody is woken before the first paint")

        monkeypatch.setattr(ChatcloneApp, "run", run)
        with pytest.raises(OSError, match="no terminal"):
            run_app(None, asleep, tmp_path)
        assert (seen, gc.isenabled()) == ([False], True)

    async def test_it_is_on_once_the_app_is_painted(self, store: ChatStore) -> None:
        """The model is not loaded before."""
        gc.disable()
        async with app_with(FakeEngine(), store).run_test() as pilot:
            await until(pilot, gc.isenabled)
