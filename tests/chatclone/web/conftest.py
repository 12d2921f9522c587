"""A server shared by a module's tests, on a home without personas."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("textual_serve", reason="the extra `web` is not installed")

from tests.chatclone.web.running import Served, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running server; it prints two lines to stderr."""
    folder: Path = tmp_path_factory.mktemp("web")
    with serving(folder / "home", folder / "log") as running:
        yield running
    said = (folder / "log").read_text("utf-8").splitlines()
    assert said == ["Anybody with this address can read and write your chats. Press Ctrl+C to stop.", "interrupted"]
