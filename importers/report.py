"""Where every message went: the account of a data set, and the same as a waterfall of text lines with bars."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LABEL, _NUMBER = 28, 9


@dataclass(frozen=True)
class ChatRow:
    """What one chat gave: its sessions and what parts them, and the persona's replies in it."""

    id: str
    name: str
    kind: str
    messages: int
    sessions: int
    gap_seconds: int
    gap_how: str
    replies: int
    trained: int


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
    style_before: dict[str, Any] = field(default_factory=dict)
    style_after: dict[str, Any] = field(default_factory=dict)
    redacted: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)

    @property
    def trained(self) -> int:
        """How many replies are trained on or evaluated with."""
        return self.train + self.eval

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "filter": self.filter,
            "replies": {"total": self.total, "trained": self.trained, "untrained": dict(self.untrained.most_common())},
            "sessions": self.sessions,
            "split": {"train": self.train, "eval": self.eval},
            "chats": [asdict(row) for row in self.chats],
            "style": {"before": self.style_before, "after": self.style_after},
            "redacted": dict(self.redacted),
            "warnings": self.warnings,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "DataReport":
        """Return the report that `to_dict` wrote."""
        return cls(
            filter=document["filter"],
            total=document["replies"]["total"],
            train=document["split"]["train"],
            eval=document["split"]["eval"],
            untrained=Counter(document["replies"]["untrained"]),
            sessions=document["sessions"],
            chats=[ChatRow(**row) for row in document["chats"]],
            style_before=document["style"]["before"],
            style_after=document["style"]["after"],
            redacted=Counter(document["redacted"]),
            warnings=list(document["warnings"]),
        )


def waterfall(
    report: DataReport,
    *,
    read: int,
    dropped: Mapping[str, int],
    duplicates: int = 0,
    width: int = 80,
) -> list[str]:
    """Return the report's lines, none wider than `width` columns (at least 60)."""
    room = max(width, 60) - _LABEL - _NUMBER - 3
    messages = {"already imported": duplicates, **{_words(reason): n for reason, n in dropped.items()}}
    lines = ["Messages", *_steps("read", read, messages, "kept", room), ""]
    untrained = {_words(reason): n for reason, n in report.untrained.most_common()}
    lines += ["Replies", *_steps("written in turns", report.total, untrained, "trained", room)]
    lines += [_row(f"  {name}", n, report.total, room) for name, n in (("train", report.train), ("eval", report.eval))]
    lines += ["", f"Chats, {report.sessions} sessions in all"]
    most = max((row.trained for row in report.chats), default=0)
    for row in sorted(report.chats, key=lambda row: -row.trained):
        lines.append(_row(f"  {row.name}", row.trained, most, room))
    lines += ["", *_style(report)]
    if report.redacted:
        lines += ["", "Redacted  " + ", ".join(f"{kind} {n}" for kind, n in sorted(report.redacted.items()))]
    return [line.rstrip() for line in lines]


def _steps(first: str, total: int, steps: Mapping[str, int], last: str, room: int) -> list[str]:
    """Return a row for the total, one for each step down, and one for what is left."""
    lost = {name: number for name, number in steps.items() if number}
    rows = [_row(f"  {first}", total, total, room)]
    rows += [_row(f"  - {name}", number, total, room) for name, number in lost.items()]
    return [*rows, _row(f"  {last}", total - sum(lost.values()), total, room)]


def _row(label: str, number: int, most: int, room: int) -> str:
    return f"{_fit(label, _LABEL)} {number:>{_NUMBER},}  {_bar(number, most, room)}"


def _bar(number: int, most: int, room: int) -> str:
    """Return a bar of block characters, an eighth of a column fine, and never empty for what is there."""
    eighths = max(1, round(8 * room * number / most)) if number and most else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _fit(label: str, columns: int) -> str:
    """Cut or pad a label to a width in terminal columns; wide characters take two, combining ones none."""
    taken, kept = 0, ""
    for character in label:
        wide = 0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        if taken + wide > columns:
            return kept + " " * (columns - taken)
        taken, kept = taken + wide, kept + character
    return kept + " " * (columns - taken)


def _style(report: DataReport) -> list[str]:
    """Return the persona's manner before and after cleaning, number by number."""
    lines = [f"{'Manner':<{_LABEL}} {'written':>{_NUMBER}} {'trained':>{_NUMBER}}"]
    for name, before in report.style_before.items():
        after = report.style_after[name]
        if name.endswith("_share"):
            lines.append(f"  {_words(name):<{_LABEL - 2}} {before:>{_NUMBER}.0%} {after:>{_NUMBER}.0%}")
        elif name != "openers":
            lines.append(f"  {_words(name):<{_LABEL - 2}} {before:>{_NUMBER},} {after:>{_NUMBER},}")
    openers = ", ".join(word for word, _ in report.style_after.get("openers", []))
    return [*lines, f"  begins with {openers}"] if openers else lines


def _words(name: str) -> str:
    return name.replace("_", " ")
