"""Passages mended around a change are those that reading the whole chat would give."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from sqlite3 import Connection

import pytest

from memory.passages import Line, passages
from memory.store import passage_writer
from memory.store.database import connect
from memory.store.passage_writer import place_of

HOUR = 3600


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """Yield the store of an empty memory."""
    with closing(connect(tmp_path / "m.sqlite")) as opened:
        yield opened


def stored(connection: Connection) -> list[tuple[str, ...]]:
    """Return the keys of every passage's lines."""
    return sorted(tuple(line.key for line in found.lines) for _, found in passage_writer.passages_of(connection))


def wanted(lines: list[Line]) -> list[tuple[str, ...]]:
    """Return the keys of the windows of lines."""
    ordered = sorted(lines, key=place_of)
    return sorted(tuple(line.key for line in window.lines) for window in passages(ordered))


@pytest.mark.parametrize("seed", range(30))
def test_mending_around_a_change_is_enough(connection: Connection, seed: int) -> None:
    """Lines come and go at random places, some in one second, some after hours; the windows are always right."""
    random, lines = Random(seed), dict[str, Line]()
    for step in range(40):
        if lines and random.random() < 0.35:
            gone = lines.pop(random.choice(sorted(lines)))
            connection.execute("DELETE FROM line WHERE key = ?", (gone.key,))
            passage_writer.refresh_around(connection, "c", place_of(gone))
        else:
            when = random.randrange(0, 60) * random.choice([1, 60, 2 * HOUR])
            new = Line(f"telegram:c/{step}", "c", "c", random.choice("AB"), when, f"word{step}")
            lines[new.key] = new
            passage_writer.insert_lines(connection, [new], "said")
            passage_writer.refresh_around(connection, "c", place_of(new))
        assert stored(connection) == wanted(list(lines.values()))
    before = connection.execute("SELECT * FROM passage").fetchall()
    passage_writer.refresh_passages(connection, "c")
    assert connection.execute("SELECT * FROM passage").fetchall() == before


def test_ids_are_never_used_twice(connection: Connection) -> None:
    """The newest passage that was deleted leaves its id behind, also when it was the last one."""
    seen: set[int] = set()
    for number in range(3):
        line = Line(f"telegram:c/{number}", "c", "c", "A", 0, "hi")
        passage_writer.insert_lines(connection, [line], "said")
        passage_writer.refresh_passages(connection, "c")
        new = {passage for passage, _ in passage_writer.passages_of(connection)}
        assert seen.isdisjoint(new)
        seen |= new
        connection.execute("DELETE FROM line")


def test_lines_around_a_passage(connection: Connection) -> None:
    """Those before and after it, in order, no more than asked for."""
    lines = [Line(f"telegram:c/{n}", "c", "c", "A", 60 * n, str(n)) for n in range(10)]
    passage_writer.insert_lines(connection, lines, "said")
    before, after = passage_writer.lines_around(connection, lines[2], lines[4], 3)
    assert [line.text for line in before] == ["0", "1"]
    assert [line.text for line in after] == ["5", "6", "7"]


def test_an_entry_holds_speakers_texts_and_the_month() -> None:
    """A line a message, the month in which the passage began on a line of its own."""
    entry = passage_writer.index_entry(7, [("Anna", 1_683_540_000, "hi"), ("Bo B", 1_683_540_060, "my cat the")])
    assert entry == (7, "anna\nbo b", "hi\nmy cat the\n2023 month05")
