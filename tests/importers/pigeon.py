"""An invented platform: a folder or zip of `.pigeon` files, one a chat, or one such file.

pigeon post of mira@loft
with theo@loft Theo
2024-05-02T01:30:00+09:00 theo@loft did you water the plants
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from importers.files import files_at, first_bytes
from importers.message import Chat, Message, Person
from importers.source import Export, File, ImportFailure, Reading, Source

SUFFIXES = (".pigeon",)
START = b"pigeon post of "


class PigeonExport:
    """One `.pigeon` file."""

    def __init__(self, file: File) -> None:
        self.reading = Reading("pigeon")
        self._file = file

    def messages(self) -> Iterator[Message]:
        """Yield a message for each line; blank ones are dropped."""
        self.reading.clear()
        with self._file.open("rb") as opened:
            first, second, *lines = opened.read().decode().splitlines()
        owner, (_, partner, name) = first.removeprefix(START.decode()), second.split(" ", 2)
        self.reading.people = {owner: Person(owner, owner.split("@")[0].title()), partner: Person(partner, name)}
        self.reading.owner, self.reading.owner_how = self.reading.people[owner], "the first line says so"
        self.reading.chats[partner] = Chat(partner, "personal", name)
        for number, line in enumerate(lines, start=1):
            self.reading.read += 1
            if not line.strip():
                self.reading.dropped["empty"] += 1
                continue
            when, sender, text = line.split(" ", 2)
            moment = datetime.fromisoformat(when)
            offset = moment.utcoffset()
            self.reading.counts[sender] += 1
            yield Message(
                partner, number, int(moment.timestamp()), sender, text,
                utc_offset=None if offset is None else int(offset.total_seconds()),
            )  # fmt: skip


def _files(path: Path) -> list[File]:
    return [file for file in files_at(path, SUFFIXES).files.values() if first_bytes(file).startswith(START)]


def _read(path: Path) -> list[Export]:
    exports: list[Export] = [PigeonExport(file) for file in _files(path)]
    if not exports:
        raise ImportFailure("{path} holds no pigeon post", PIGEON.how_to_export, path=path)
    return exports


PIGEON = Source("pigeon", "in Pigeon: open the loft, Post, Save as .pigeon", lambda path: bool(_files(path)), _read)
