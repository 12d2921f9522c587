"""Tombstones keep people, chats, messages and spans of time out, and cannot be read."""

from contextlib import closing
from pathlib import Path

import pytest

from memory.passages import Line
from memory.store.database import connect
from memory.store.tombstones import Tombstones

LINE = Line("telegram:c1/5", "telegram:c1", "The Crew", "Annabel Lee", 1_000, "hi")


@pytest.mark.parametrize("kind", ["line", "person", "chat", "span"])
def test_what_is_buried_is_covered(tmp_path: Path, kind: str) -> None:
    """It is covered from then on, also for whoever opens the file later; others are not."""
    with closing(connect(tmp_path / "m.sqlite")) as connection:
        assert not Tombstones(connection)
        tombstones = Tombstones(connection)
        match kind:
            case "line":
                tombstones.bury("line", [LINE.key])
            case "person":
                tombstones.bury("person", [LINE.who])
            case "chat":
                tombstones.bury("chat", [LINE.chat])
            case _:
                tombstones.bury_span(1_000, 2_000)
    with closing(connect(tmp_path / "m.sqlite")) as connection:
        tombstones = Tombstones(connection)
        assert tombstones
        assert tombstones.cover(LINE)
        assert not tombstones.cover(Line("telegram:c2/5", "telegram:c2", "The Crew", "Bo", 2_000, "hi"))


def test_nobody_can_read_them(tmp_path: Path) -> None:
    """No file holds the name, the chat or the key, and two memories keep different hashes of one name."""
    hashes = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        with closing(connect(tmp_path / folder / "m.sqlite")) as connection:
            tombstones = Tombstones(connection)
            for kind, value in (("line", LINE.key), ("person", LINE.who), ("chat", LINE.chat)):
                tombstones.bury(kind, [value])  # type: ignore[arg-type]  # the three kinds
            hashes.append({row[0] for row in connection.execute("SELECT value FROM forgotten")})
        data = b"".join(path.read_bytes() for path in (tmp_path / folder).iterdir())
        assert not any(name in data for name in (b"Annabel", b"telegram:c1"))
    assert hashes[0].isdisjoint(hashes[1])
