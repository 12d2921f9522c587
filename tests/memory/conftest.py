"""A memory on disk, and lines to fill it with."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memory.memory import Memory
from memory.passages import Line

START = 1_683_540_000
"""2023-05-08 10:00 UTC."""


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    """Yield an empty memory."""
    with Memory.open(tmp_path / "memory.sqlite") as opened:
        yield opened


@pytest.fixture
def said() -> Callable[..., Line]:
    """Return a maker of lines: `said(3, "text")` is the third message of a chat, a minute after the second."""

    def make(number: int, text: str, who: str = "Anna", chat: str = "c1", when: int | None = None) -> Line:
        sent = START + 60 * number if when is None else when
        return Line(f"telegram:{chat}/{number}", chat, f"chat {chat}", who, sent, text)

    return make
