"""Days are those where a message was written and, in what the user types, those of the reader; UTC plays no part."""

import argparse
import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chatclone.cli.main import main
from chatclone.cli.memory import recalled
from chatclone.personas.persona import Persona
from memory.memory import Memory
from memory.passages import Line
from memory.search.recall import Hit
from tests import exports

ZONES = {"Asia/Tokyo": 9, "America/Los_Angeles": -7, "UTC": 0}
"""Zones with their offset from UTC in May 2024, in hours."""


@pytest.fixture(params=["America/New_York", "Asia/Tokyo", "UTC"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The time zone of whoever reads."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield str(request.param)
    monkeypatch.undo()
    time.tzset()


def export(folder: Path, hours: int) -> Path:
    """Write a chat that is held around midnight of 2 May 2024, by a clock so many hours ahead of UTC."""
    chat = exports.chat(exports.conversation())
    said = ["i bought a kayak", "oh a kayak!", "yes, a red kayak", "so nice"]
    local = datetime(2024, 5, 2, 0, 30)
    chat["messages"] = [
        {
            **message,
            "text_entities": [{"type": "plain", "text": f"{said[n % 4]} {n // 4}"}],
            "date": (local + timedelta(minutes=n)).isoformat(),
            "date_unixtime": str(int((local + timedelta(minutes=n, hours=-hours)).replace(tzinfo=UTC).timestamp())),
        }
        for n, message in enumerate(chat["messages"][:24])
    ]
    return exports.write(folder, exports.account(chat))


def run(home: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Return the document of a command."""
    capsys.readouterr()
    assert main([*arguments, "--home", str(home), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("zone", ZONES)
def test_the_day_of_the_export(zone: str, reader: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The day is the export's own, whoever reads it where; questions and forgetting by day mean it."""
    home = tmp_path / "home"
    run(home, capsys, "import", str(export(tmp_path, ZONES[zone])))
    hits = run(home, capsys, "memory", "search", "red kayak")["hits"]
    assert {line[:10] for hit in hits for line in hit["text"].splitlines()} == {"2024-05-02"}
    assert all(hit["when"].startswith("2024-05-02T00:") for hit in hits)
    for day, gone in (("2024-05-01", 0), ("2024-05-03", 0), ("2024-05-02", 24)):
        assert run(home, capsys, "memory", "forget", "--from", day, "--to", day)["forgotten"] == gone


def test_yesterday_is_the_readers(reader: str, tmp_path: Path) -> None:
    """ "Yesterday" is counted from the reader's own day, and finds what was said on it where it was said."""
    noon = datetime(2024, 5, 3, 12)
    now = int(noon.timestamp())  # of the reader's clock
    late = int(datetime(2024, 5, 2, 23, 50, tzinfo=UTC).timestamp())
    with Memory.open(tmp_path / "m.sqlite") as memory:
        lines = [
            Line(f"c/{hours}", f"c{hours}", "Crew", "Anna", late - 3600 * hours, f"lunch {hours}", 3600 * hours)
            for hours in (-8, 0, 9)
        ]
        other = [Line(f"o/{n}", f"o{n}", "Crew", "Anna", late + n * 86_400, "lunch", 0) for n in (-20, -10, 20)]
        memory.sync([*lines, *other])
        found = memory.recall("what did you have for lunch yesterday?", words=16, now=now).hits
        assert {line for hit in found for line in hit.text.splitlines()} <= {
            f"2024-05-02 Anna: lunch {hours}" for hours in (-8, 0, 9)
        }
        assert found


def test_show_and_recalled_passages(reader: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`memory show` prints local times; forgetting a day removes what was recalled of it."""
    home = tmp_path / "home"
    run(home, capsys, "import", str(export(tmp_path, ZONES["Asia/Tokyo"])))
    first = run(home, capsys, "memory", "list", "--limit", "1")[0]
    assert main(["memory", "show", str(first["id"]), "--home", str(home)]) == 0
    assert {line[2:12] for line in capsys.readouterr().out.splitlines()} == {"2024-05-02"}
    hit = Hit(
        1, int(datetime(2024, 5, 1, 15, 30, tzinfo=UTC).timestamp()), "Anna", "2024-05-02 Anna: x", 1.0, "c", 32400
    )
    assert hit.day == date(2024, 5, 2)
    for day, goes in (("2024-05-01", False), ("2024-05-02", True), ("2024-05-03", False)):
        arguments = argparse.Namespace(
            id=None, person=None, chat=None, since=date.fromisoformat(day), until=date.fromisoformat(day)
        )
        assert recalled(arguments, Persona(home, "Anna"))(hit) is goes
