"""The pace at which bubbles arrive: a person sends one, writes the next, sends that.

How long this person takes is learnt from the archive: the pauses between two messages in a row. Nobody is made to wait
longer than two seconds, so a slow writer is sped up as a whole and keeps the proportions.
"""

import json
import logging
import sqlite3
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from chatclone.errors import ChatcloneError
from chatclone.personas.persona import Persona
from chatclone.storage.atomic_files import write_atomically

LONGEST_SECONDS = 2.0
"""No bubble is waited for longer."""
SHORTEST_SECONDS = 0.15
"""Two bubbles at once would look like one."""
PAUSE_SECONDS = 0.35
"""What lies between two bubbles however short the second is."""
SECONDS_A_CHARACTER = 0.03
"""Somewhat faster than people type on a telephone, 38 words a minute (Palin et al. 2019): nobody likes to wait."""
BURST_SECONDS = 60
"""After a longer pause it is another thought, and no pause between two bubbles."""
FEWEST = 20
"""Pauses to learn from."""
MOST_READ = 20_000
"""Messages that are read for it, those of the largest chats: more would not change a median."""
FILE = "rhythm.json"
"""Its name in the persona's folder: what was learnt, and from which archive."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How long a bubble of `characters` takes, in seconds; others take longer or less in proportion."""

    seconds: float = PAUSE_SECONDS + SECONDS_A_CHARACTER * 20
    characters: float = 20

    def delay(self, line: str) -> float:
        """Return how many seconds a bubble comes after the one before it."""
        wanted = self.seconds * _effort(len(line)) / _effort(self.characters)
        return min(LONGEST_SECONDS, max(SHORTEST_SECONDS, wanted))


USUAL = Rhythm()
"""For a person of whom too little is known."""


def rhythm_of(persona: Persona) -> Rhythm:
    """Return the rhythm of a person, learnt once for each state of the archive; for a thread of its own."""
    if not persona.archive_file.exists():
        return USUAL
    mark = _mark(persona.archive_file)
    kept = persona.folder / FILE
    if (known := _read(kept, mark)) is not None:
        return known
    try:
        found = learn(_pauses(persona))
        write_atomically(kept, json.dumps({"archive": mark, **asdict(found)}))
    except (ChatcloneError, sqlite3.Error, OSError) as error:
        logger.warning("the rhythm was not learnt: %s", type(error).__name__)
        return USUAL
    return found


def learn(pauses: Iterable[tuple[float, int]]) -> Rhythm:
    """Return the rhythm in pauses: seconds before a message, and its characters."""
    known = list(pauses)
    if len(known) < FEWEST:
        return USUAL
    seconds = [pause for pause, _ in known]
    slow = statistics.quantiles(seconds, n=10)[-1]
    faster = min(1.0, LONGEST_SECONDS / slow) if slow else 1.0
    return Rhythm(faster * statistics.median(seconds), statistics.median(length for _, length in known))


def _pauses(persona: Persona) -> Iterator[tuple[float, int]]:
    """Yield the person's pauses within a burst; the archive knows whole seconds, so half of one is in the middle."""
    from chatclone.archive.archive import Archive  # not before the first paint

    archive = Archive(persona.archive_file)
    try:
        left = MOST_READ
        for platform, chat in archive.chats():
            person = persona.ids.get(platform, "")
            before = None
            for message in islice(archive.messages(platform, chat.id), left):
                left -= 1
                own = message.sender == person and bool(message.text)
                if own and before is not None and 0 <= message.sent_at - before <= BURST_SECONDS:
                    yield message.sent_at - before + (0.5 if message.sent_at == before else 0.0), len(message.text)
                before = message.sent_at if own else None
    finally:
        archive.close()


def _effort(characters: float) -> float:
    return PAUSE_SECONDS + SECONDS_A_CHARACTER * characters


def _mark(archive: Path) -> list[int]:
    stat = archive.stat()
    return [stat.st_mtime_ns, stat.st_size]


def _read(kept: Path, mark: list[int]) -> Rhythm | None:
    """Return what was learnt from this archive before."""
    try:
        table = json.loads(kept.read_text("utf-8"))
        return Rhythm(table["seconds"], table["characters"]) if table["archive"] == mark else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
