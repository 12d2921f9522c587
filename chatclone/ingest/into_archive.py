"""Exports into the archive, and the account of where each of their messages went."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chatclone.archive.archive import Added, Archive
from chatclone.archive.forgotten import NAME
from chatclone.archive.merge_chats import Joined
from importers import registry
from importers.message import Message, Person
from importers.source import Export

Progress = Callable[[str, int], None]
"""Told what is being done, and how many messages are through."""
STEP = 5000
"""Messages between two reports of progress."""


@dataclass
class Tally:
    """Sums over all exports of one import; always `read = duplicates + sum(dropped) + kept`."""

    platform: str = ""
    files: int = 0
    read: int = 0
    new: int = 0
    """Messages met for the first time, whether kept or dropped."""
    kept: int = 0
    duplicates: int = 0
    edited: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    repairs: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    owner: Person | None = None
    owner_how: str = ""
    writers: set[str] = field(default_factory=set)
    """Ids of all who wrote something, as the archive has them."""
    joined: Joined = field(default_factory=Joined)


def add_exports(archive: Archive, paths: Sequence[Path], platform: str | None, progress: Progress) -> Tally:
    """Read every export at these paths into the archive, within the caller's transaction."""
    tally = Tally()
    opened = [(path, export) for path in paths for export in registry.open_exports(path, platform)]
    tally.files = len(opened)
    for path, export in opened:
        _take(archive, export, _counted(export.messages(), path, progress), tally)
    if tally.kept:
        progress("comparing with what is there", tally.read)
        _join(archive, tally)
    tally.repairs, tally.warnings = _once(tally.repairs), _once(tally.warnings)
    return tally


def _take(archive: Archive, export: Export, messages: Iterator[Message], tally: Tally) -> None:
    reading = export.reading
    added = archive.add(reading.platform, messages)
    back = archive.add_names(reading.platform, reading.chats.values(), reading.people.values())
    known = added.duplicates > 0 or added.forgotten > 0
    first = archive.dropped_first(reading.platform, reading.chats, reading.dropped.total(), seen=known)
    _count(tally, reading.read, added, back)
    tally.new += added.new - back + first
    tally.dropped.update(reading.dropped)
    tally.platform = reading.platform
    tally.repairs += reading.repairs
    tally.warnings += reading.warnings
    tally.writers |= reading.counts.keys()
    if reading.owner and not tally.owner:
        tally.owner, tally.owner_how = reading.owner, reading.owner_how
    elif reading.owner and tally.owner and _are_two(tally.owner, reading.owner):
        tally.warnings.append(
            f"these exports are of two accounts, {tally.owner.name} ({tally.owner.id}) and {reading.owner.name}"
            f" ({reading.owner.id}): the first is you where --me says nothing else, and where both wrote with the same"
            " person, messages may be taken for one another; a --persona for each keeps them apart"
        )


def _are_two(one: Person, other: Person) -> bool:
    """Tell whether these owners are known to be two; an HTML export has a name only, which may be the same person's."""
    return one.id != other.id and not (one.id.startswith(NAME) or other.id.startswith(NAME))


def _count(tally: Tally, read: int, added: Added, back: int) -> None:
    """Add one export's messages; `back` of the new ones were recognised as forgotten and removed."""
    tally.read += read
    tally.kept += added.new - back
    tally.duplicates += added.duplicates
    tally.edited += added.edited
    if forgotten := added.forgotten + back:
        tally.dropped["forgotten"] += forgotten


def _join(archive: Archive, tally: Tally) -> None:
    """Make one what stands in the archive twice; messages that were there under another id are not new after all."""
    joined = tally.joined = archive.join(tally.platform)
    twice = min(joined.removed, tally.kept)
    tally.kept -= twice
    tally.duplicates += twice
    tally.new -= min(twice, tally.new)
    tally.warnings += joined.notes
    tally.writers = {joined.people.get(person, person) for person in tally.writers}
    if tally.owner and tally.owner.id in joined.people:
        into = joined.people[tally.owner.id]
        tally.owner = archive.people(tally.platform).get(into, Person(into, tally.owner.name))


def _counted(messages: Iterator[Message], path: Path, progress: Progress) -> Iterator[Message]:
    for number, message in enumerate(messages):
        if number % STEP == 0:
            progress(f"reading {path.name}", number)
        yield message


def _once(lines: list[str]) -> list[str]:
    return list(dict.fromkeys(lines))
