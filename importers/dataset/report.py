"""The report of a data set: what became of every message and reply."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from importers.dataset.report_text import waterfall

__all__ = ["ChatRow", "DataReport", "waterfall"]


class ChatRow(msgspec.Struct, frozen=True):
    """One chat: its sessions, the silence that separates them, and the persona's replies in it."""

    id: str
    name: str
    kind: str
    messages: int
    gap_seconds: int
    gap_how: str
    sessions: int = 0
    replies: int = 0
    trained: int = 0
    share: float = 0.0
    """Of all trained replies."""
    aside: int = 0
    """Replies left out so that the chat does not dominate."""


class _Replies(msgspec.Struct):
    total: int
    untrained: dict[str, int]


class _Split(msgspec.Struct):
    train: int
    eval: int


class _Messages(msgspec.Struct):
    mine: int = 0


class _Style(msgspec.Struct):
    before: dict[str, Any]
    after: dict[str, Any]


class _Document(msgspec.Struct):
    """The JSON document of a report, as `DataReport.to_dict` returns it."""

    filter: str
    replies: _Replies
    sessions: int
    split: _Split
    chats: list[ChatRow]
    style: _Style
    redacted: dict[str, int]
    warnings: list[str]
    messages: _Messages = msgspec.field(default_factory=_Messages)
    languages: dict[str, float] = msgspec.field(default_factory=dict)
    examples: dict[str, list[str]] = msgspec.field(default_factory=dict)


@dataclass
class DataReport:
    """What became of every reply of the persona."""

    filter: str
    total: int = 0
    train: int = 0
    eval: int = 0
    untrained: Counter[str] = field(default_factory=Counter)
    sessions: int = 0
    chats: list[ChatRow] = field(default_factory=list)
    mine: int = 0
    """Messages of the persona; a turn may be several."""
    style_before: dict[str, Any] = field(default_factory=dict)
    style_after: dict[str, Any] = field(default_factory=dict)
    languages: dict[str, float] = field(default_factory=dict)
    """Language code to its share of the replies with words."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """Reason to a few replies that have it, as the data set shows them."""
    redacted: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)

    @property
    def trained(self) -> int:
        """How many replies are trained on or evaluated with."""
        return self.train + self.eval

    @property
    def messages(self) -> int:
        """How many messages the chats have."""
        return sum(row.messages for row in self.chats)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "filter": self.filter,
            "replies": {"total": self.total, "trained": self.trained, "untrained": dict(self.untrained.most_common())},
            "sessions": self.sessions,
            "split": {"train": self.train, "eval": self.eval},
            "messages": {"all": self.messages, "mine": self.mine},
            "chats": [msgspec.structs.asdict(row) for row in self.chats],
            "style": {"before": self.style_before, "after": self.style_after},
            "languages": self.languages,
            "examples": self.examples,
            "redacted": dict(self.redacted),
            "warnings": self.warnings,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "DataReport":
        """Return the report that `to_dict` wrote; a document of another shape is a `msgspec.ValidationError`."""
        stored = msgspec.convert(document, _Document)
        return cls(
            filter=stored.filter,
            total=stored.replies.total,
            train=stored.split.train,
            eval=stored.split.eval,
            untrained=Counter(stored.replies.untrained),
            sessions=stored.sessions,
            chats=stored.chats,
            mine=stored.messages.mine,
            style_before=stored.style.before,
            style_after=stored.style.after,
            languages=stored.languages,
            examples=stored.examples,
            redacted=Counter(stored.redacted),
            warnings=stored.warnings,
        )
