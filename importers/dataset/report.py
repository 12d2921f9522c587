"""Where every message went: the account of a data set, as it is kept beside it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from importers.dataset.report_text import waterfall

__all__ = ["ChatRow", "DataReport", "waterfall"]


@dataclass(frozen=True)
class ChatRow:
    """What one chat gave: its sessions and what parts them, and the persona's replies in it."""

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
    """Replies put aside so that the chat does not dominate."""


@dataclass
class DataReport:
    """Where every reply of the persona went, in the words of the import's JSON document."""

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
            "chats": [asdict(row) for row in self.chats],
            "style": {"before": self.style_before, "after": self.style_after},
            "languages": self.languages,
            "examples": self.examples,
            "redacted": dict(self.redacted),
            "warnings": self.warnings,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "DataReport":
        """Return the report that `to_dict` wrote, now or before it knew all that it knows now."""
        known = {f.name for f in fields(ChatRow)}
        return cls(
            filter=document["filter"],
            total=document["replies"]["total"],
            train=document["split"]["train"],
            eval=document["split"]["eval"],
            untrained=Counter(document["replies"]["untrained"]),
            sessions=document["sessions"],
            chats=[ChatRow(**{k: v for k, v in row.items() if k in known}) for row in document["chats"]],
            mine=document.get("messages", {}).get("mine", 0),
            style_before=document["style"]["before"],
            style_after=document["style"]["after"],
            languages=dict(document.get("languages", {})),
            examples=dict(document.get("examples", {})),
            redacted=Counter(document["redacted"]),
            warnings=list(document["warnings"]),
        )
