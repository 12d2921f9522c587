"""What a conversation with the clone is made of: the records that the store gives out, and their JSON."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from chatclone.conversations.chat_settings import Settings
from chatclone.engines.protocol import Sampling
from memory.search.recall import Hit

State = Literal["writing", "done", "cancelled", "length", "failed", "interrupted"]
"""What became of a message: `cancelled` by the reader, cut at the `length` limit, `interrupted` by the end of the
program; a message of the user is always `done`."""
STATES: tuple[State, ...] = ("writing", "done", "cancelled", "length", "failed", "interrupted")
CUT: frozenset[State] = frozenset({"cancelled", "length", "failed", "interrupted"})
"""The states of a reply that may go on where it ended."""
Speaker = Literal["user", "assistant"]
Order = Literal["latest", "created", "title"]
"""How conversations are listed; pinned ones stand first in each."""

_HIT_FIELDS = tuple(f.name for f in fields(Hit))


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation with the clone, without its messages; times are Unix seconds.

    `renamed` says that a person chose the title; `unread` counts the replies not seen yet, `length` the messages of
    the branch that is shown, and `preview` is the beginning of the last of them.
    """

    id: int
    title: str
    created_at: int
    updated_at: int
    settings: Settings = field(default_factory=Settings)
    pinned: bool = False
    renamed: bool = False
    unread: int = 0
    length: int = 0
    preview: str = ""

    @property
    def partner(self) -> str:
        """Whom the clone talks to here; empty for whom it wrote with most."""
        return self.settings.partner


@dataclass(frozen=True, slots=True)
class Origin:
    """What made a reply, so that it can be made again: the same engine, model, seed and prompt give the same text."""

    engine: str
    model: str
    adapter: str = ""
    strength: float | None = None
    """The strength the conversation asked for; None is as the engine was loaded."""
    seed: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    partner: str = ""
    memory: bool = False


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message as it is saved; `memory` is what the reply was given, `stats` how it came about, `origin` by what.

    `depth` is its place in the branch, from 0. `version` of `versions` says which of the messages that could stand
    here it is: ‹2/3›.
    """

    id: int
    conversation: int
    parent: int | None
    role: Speaker
    text: str
    created_at: int
    state: State = "done"
    memory: tuple[Hit, ...] = ()
    stats: dict[str, Any] = field(default_factory=dict)
    origin: Origin | None = None
    depth: int = 0
    version: int = 1
    versions: int = 1

    @property
    def bubbles(self) -> list[str]:
        """The lines of the text, as they would have been sent one by one."""
        return [line for line in self.text.split("\n") if line.strip()]


@dataclass(frozen=True, slots=True)
class Deletion:
    """Something that was deleted and can be brought back until it is purged: a conversation, or a message of it.

    With a message goes all that followed it; `messages` is how many went.
    """

    id: int
    conversation: int
    message: int | None
    messages: int
    deleted_at: int


@dataclass(frozen=True, slots=True)
class Found:
    """A message that a search found: where to jump to, and a piece of it; `matches` are the places within `snippet`."""

    conversation: int
    message: int
    title: str
    role: Speaker
    created_at: int
    snippet: str
    matches: tuple[tuple[int, int], ...]


MESSAGE_COLUMNS = (
    "m.id, m.conversation_id, m.parent_id, m.role, m.text, m.created_at, m.state, m.memory, m.stats, m.origin, m.depth"
)


def message_of(row: tuple[Any, ...]) -> StoredMessage:
    """Return the message of a row of MESSAGE_COLUMNS, which its version and their count may follow."""
    number, conversation, parent, role, text, created_at, state, memory, stats, origin, depth, *place = row
    version, versions = place or (1, 1)
    return StoredMessage(
        number, conversation, parent, role, text, created_at, state,
        memory_from(memory), json.loads(stats), origin_from(origin), depth, version, versions,
    )  # fmt: skip


def memory_json(memory: tuple[Hit, ...]) -> str:
    """Return what a reply was given as JSON."""
    return json.dumps([asdict(hit) for hit in memory])


def memory_from(text: str) -> tuple[Hit, ...]:
    """Read `memory_json`; what an older or newer version of memory said more is left out."""
    return tuple(Hit(**{k: hit[k] for k in _HIT_FIELDS if k in hit}) for hit in json.loads(text))


def origin_json(origin: Origin | None) -> str | None:
    """Return an origin as JSON."""
    return None if origin is None else json.dumps(asdict(origin))


def origin_from(text: str | None) -> Origin | None:
    """Read `origin_json`."""
    if text is None:
        return None
    table = json.loads(text)
    return Origin(**table | {"sampling": Sampling(**table["sampling"])})


Clock = Callable[[], float]
"""Returns the time in Unix seconds."""


def storable(text: str) -> str:
    """Return `text` without lone surrogates, which no UTF-8 file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


TITLE_LENGTH = 48
"""Characters of the first message that become a conversation's title."""


def title_of(text: str) -> str:
    """Return the first words of `text` as one line of at most TITLE_LENGTH, cut between two words where there are."""
    line = " ".join(text[: 20 * TITLE_LENGTH].split())
    if len(line) <= TITLE_LENGTH:
        return line
    return (line[:TITLE_LENGTH].rpartition(" ")[0] or line[: TITLE_LENGTH - 1]) + "…"
