"""What every importer promises: an `Export` that yields messages, and a `Reading` that accounts for each of them.

For every platform `reading.read == sum(reading.dropped.values()) + the number of messages yielded`, once the messages
have been iterated to their end; until then the tallies grow.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, Protocol

from importers.message import Chat, Message, Person


class ImportFailure(Exception):
    """A file cannot be imported: what is wrong with it, and what a person can do about it.

    Both texts may hold placeholders (`{name}`), filled from `values`; the templates stay at hand for translation.
    """

    def __init__(self, message: str, hint: str, **values: object) -> None:
        self.message = message.format(**values) if values else message
        self.hint = hint.format(**values) if values else hint
        self.templates = (message, hint)
        self.values = values
        super().__init__(self.message)


class Source(Protocol):
    """A file to read from the beginning, as often as wanted: a path, or a file within a zip."""

    @property
    def name(self) -> str:
        """The file's own name, without folders."""
        ...

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        """Open it for reading bytes."""
        ...


@dataclass
class Reading:
    """Who and what was met in an export, and where its messages went."""

    platform: str
    people: dict[str, Person] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)
    owner: Person | None = None
    """Whose export it is, when the export tells."""
    owner_how: str = ""
    """How the owner is known: personal_information, saved_messages or chat_partner; empty when unknown."""
    read: int = 0
    """Messages of any kind that stood in the export."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason to number: service, unsupported, empty, undated."""
    counts: Counter[str] = field(default_factory=Counter)
    """Person id to the number of messages yielded."""
    repairs: list[str] = field(default_factory=list)
    """What was wrong with the file and has been put right."""
    warnings: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Forget everything, before the export is read again."""
        self.owner, self.owner_how, self.read = None, "", 0
        for tally in (self.people, self.chats, self.dropped, self.counts, self.repairs, self.warnings):
            tally.clear()


class Export(Protocol):
    """One file or folder of a platform, ready to be read."""

    @property
    def reading(self) -> Reading:
        """The tallies of the latest pass over the messages."""
        ...

    def messages(self) -> Iterator[Message]:
        """Read the export from its beginning; raises ImportFailure where it cannot be read on."""
        ...
