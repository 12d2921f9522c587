"""What a platform offers: a `Source` that finds its exports, an `Export` that yields messages, a `Reading` that counts.

For every platform `reading.read == sum(reading.dropped.values()) + the number of messages yielded`, once the messages
have been iterated to their end.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from importers.message import Chat, Message, Person


class ImportFailure(Exception):
    """A file cannot be imported: what is wrong with it, and what the user can do about it.

    Both texts may hold placeholders (`{name}`), filled from `values`; the templates are kept for translation.
    """

    def __init__(self, message: str, hint: str, **values: object) -> None:
        self.message = message.format(**values) if values else message
        self.hint = hint.format(**values) if values else hint
        self.templates = (message, hint)
        self.values = values
        super().__init__(self.message)


class File(Protocol):
    """A file that can be read any number of times: a path, or a file within a zip."""

    @property
    def name(self) -> str:
        """The file's own name, without folders."""
        ...

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        """Open the file for reading bytes."""
        ...


@dataclass
class Reading:
    """The people and chats of an export, and what became of its messages."""

    platform: str
    people: dict[str, Person] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)
    owner: Person | None = None
    """Whose export it is, where the export tells."""
    owner_how: str = ""
    """How the owner is known: personal_information, saved_messages, chat_partner, or a short English clause of the
    platform's own; empty when unknown."""
    read: int = 0
    """Messages of any kind in the export."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Messages that were not yielded, by reason: service, unsupported, empty, undated."""
    counts: Counter[str] = field(default_factory=Counter)
    """Messages yielded, by the id of their sender."""
    repairs: list[str] = field(default_factory=list)
    """Faults of the file that were corrected."""
    warnings: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Reset everything, before the export is read again."""
        self.owner, self.owner_how, self.read = None, "", 0
        for tally in (self.people, self.chats, self.dropped, self.counts, self.repairs, self.warnings):
            tally.clear()


class Export(Protocol):
    """One export of a platform, ready to be read."""

    @property
    def reading(self) -> Reading:
        """The figures of the latest pass over the messages."""
        ...

    def messages(self) -> Iterator[Message]:
        """Read the export from its beginning; raises ImportFailure where it cannot be read further."""
        ...


@dataclass(frozen=True)
class Source:
    """One platform whose exports can be imported; `importers.registry` knows all of them.

    Identity: ids of people and chats are unique within the platform and the same in every export, so that importing
    again adds only what is new. Where an export holds no ids, they are `importers.message.NAMED` and the name. A
    personal chat has the id of the owner's partner where the platform allows. The owner ("me") is the export's to
    tell, in `Reading.owner`; `importers.owner.infer_owner` finds it by the rules above. Else the user is asked.
    """

    name: str
    """Short and lower case: `--from` takes it, and the archive stores it with every message."""
    how_to_export: str
    """How a user gets an export that can be read, as one sentence without a full stop."""
    detect: Callable[[Path], bool]
    """Whether this platform wrote the file, folder or zip at a path; ImportFailure where it did, but it is damaged."""
    read: Callable[[Path], list[Export]]
    """The exports at a path, at least one; ImportFailure where there is none."""
    is_person: Callable[[str], bool] = lambda sender: True
    """Whether the id of a sender is a person's, and not that of a channel, say."""
