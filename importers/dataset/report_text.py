"""The account of a data set as text: where every message went, in lines with bars, no wider than a terminal."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from importers.text.language_id import NAMES

if TYPE_CHECKING:
    from importers.dataset.report import ChatRow, DataReport

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LABEL, _NUMBER = 28, 9
_NARROWEST = 60
_DIRECTING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Characters, by their class, that turn round what follows them: the numbers and the bar."""
CHATS = 12
"""Chats that have a line each; the rest share one."""

REASONS = {
    "no_context": "nobody spoke before it",
    "unaddressed": "in a group, to nobody in sight",
    "forwarded": "forwarded, not their words",
    "via_bot": "made by a bot",
    "quoted": "only a quote",
    "command_only": "a command to a bot",
    "link_only": "only links",
    "media_only": "only media",
    "low_information": "short and said too often",
    "duplicate": "said before in these words",
    "balance": "a chat that would dominate",
    "strict_short_prompt": "prompt under 3 words",
    "strict_short_reply": "reply under 5 words",
    "strict_stock_reply": "a stock reply",
    "strict_emoji_only": "only emoji",
}
"""What a reason says to a person; the code reads `importers.filters.reply_filters`."""


def waterfall(
    report: "DataReport",
    *,
    read: int,
    dropped: Mapping[str, int],
    duplicates: int = 0,
    width: int = 80,
    examples: bool = False,
) -> list[str]:
    """Return the report's lines, none wider than `width` columns (at least 60); with `examples`, some for each reason.

    The first part is about the last import; the rest about everything that is known of the persona.
    """
    width = max(width, _NARROWEST)
    room = width - _LABEL - _NUMBER - 3
    steps = {"already imported": duplicates, **{_words(reason): n for reason, n in dropped.items()}}
    lines = ["Messages of this import", *_steps("read", read, steps, "kept", room)]
    if report.messages:
        whole = report.messages
        lines += ["", "Messages to learn from", _row("  in all chats", whole, whole, room)]
        lines.append(_row("  - by others: the context", whole - report.mine, whole, room))
        lines.append(_row("  by the persona", report.mine, whole, room))
    lines += ["", "Replies", *_replies(report, room, width if examples else 0)]
    lines += [_row(f"  {name}", n, report.total, room) for name, n in (("train", report.train), ("eval", report.eval))]
    lines += ["", *_chats(report, room, width)]
    lines += ["", *_style(report, width)]
    if report.languages:
        shares = ", ".join(f"{NAMES.get(code, code)} {share:.0%}" for code, share in report.languages.items())
        lines += ["", *wrapped(f"Languages: {shares}", width)]
    if report.redacted:
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in sorted(report.redacted.items()))
        lines += ["", *wrapped(f"Redacted: {kinds}", width)]
    if report.warnings:
        lines += ["", "Worth a look"]
        lines += [line for warning in report.warnings for line in wrapped(f"  ! {warning}", width)]
    # What is too wide still is cut: a terminal would wrap it through the bars.
    return [fit(line, width).rstrip() for line in lines]


def fit(label: str, columns: int) -> str:
    """Cut or pad a label to a width in terminal columns; wide characters take two, combining ones none."""
    taken, kept = 0, ""
    for character in label:
        if unicodedata.category(character) == "Cc":
            character = " "  # a name must not move the cursor
        elif unicodedata.bidirectional(character) in _DIRECTING:
            continue
        wide = columns_of(character)
        if taken + wide > columns:
            return kept + " " * (columns - taken)
        taken, kept = taken + wide, kept + character
    return kept + " " * (columns - taken)


def columns(line: str) -> int:
    """Return how many columns a terminal gives to a line."""
    return sum(map(columns_of, line))


def columns_of(character: str) -> int:
    """Return how many columns a terminal gives to a character."""
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn", "Me"):
        return 0
    return 1 + (unicodedata.east_asian_width(character) in "WF")


def wrapped(text: str, width: int) -> Iterator[str]:
    """Yield a text in lines of at most `width` columns, all but the first indented; a longer word is cut."""
    line = ""
    lead = " " * (len(text) - len(text.lstrip()))
    for word in text.split():
        longer = f"{line} {word}" if line else f"{lead}{word}"
        if line and columns(longer) > width:
            yield line
            longer = f"{lead}    {word}"
        line = longer if columns(longer) <= width else fit(longer, width)
    yield line


def counted(number: int, name: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {name}" if number == 1 else f"{number:,} {name}s"


def gap_text(row: "ChatRow") -> str:
    """Return a chat's gap for people: the silence that ends a conversation, and whether the chat itself gave it."""
    minutes = round(row.gap_seconds / 60)
    length = f"{minutes} min" if minutes < 90 else f"{row.gap_seconds / 3600:.1f} h"
    return f"{length}{'' if row.gap_how == 'learned' else ' (default)'}"


def _steps(first: str, total: int, steps: Mapping[str, int], last: str, room: int) -> list[str]:
    """Return a row for the total, one for each step down, and one for what is left."""
    lost = {name: number for name, number in steps.items() if number}
    rows = [_row(f"  {first}", total, total, room)]
    rows += [_row(f"  - {name}", number, total, room) for name, number in lost.items()]
    return [*rows, _row(f"  {last}", total - sum(lost.values()), total, room)]


def _replies(report: "DataReport", room: int, width: int) -> Iterator[str]:
    """Yield the steps from all replies to the trained ones, each with examples where `width` leaves room for them."""
    yield _row("  written in turns", report.total, report.total, room)
    for reason, number in report.untrained.most_common():
        yield _row(f"  - {_words(reason)}", number, report.total, room)
        if width:
            yield f"      {REASONS.get(reason, '')}"
            for example in report.examples.get(reason, ()):
                yield f"      │ {_cut(example, width - 8)}"
    yield _row("  trained", report.trained, report.total, room)


def _chats(report: "DataReport", room: int, width: int) -> Iterator[str]:
    yield f"Trained replies by chat: {counted(len(report.chats), 'chat')}, {counted(report.sessions, 'session')}"
    ordered = sorted(report.chats, key=lambda row: -row.trained)
    most = max((row.trained for row in ordered), default=0)
    for row in ordered[:CHATS]:
        yield _row(f"  {row.name}", row.trained, most, room)
        aside = f" · {row.aside:,} put aside" if row.aside else ""
        parted = f"{counted(row.sessions, 'session')}, parted by {gap_text(row)} of silence"
        whole = f"    {row.share:.0%} of all · {parted}{aside}"
        yield from wrapped(whole, width)
    if rest := ordered[CHATS:]:
        yield _row(f"  {len(rest)} more", sum(row.trained for row in rest), most, room)


def _row(label: str, number: int, most: int, room: int) -> str:
    return f"{fit(_cut(label, _LABEL), _LABEL)} {number:>{_NUMBER},}  {_bar(number, most, room)}"


def _cut(text: str, room: int) -> str:
    """Return a text of at most so many columns, with an ellipsis where it was cut."""
    return text if columns(text) <= room else f"{fit(text, room - 1).rstrip()}…"


def _bar(number: int, most: int, room: int) -> str:
    """Return a bar of block characters, an eighth of a column fine, and never empty for what is there."""
    eighths = max(1, round(8 * room * number / most)) if number and most else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _style(report: "DataReport", width: int) -> Iterator[str]:
    """Yield the persona's manner before and after cleaning, number by number."""
    yield f"{'Manner':<{_LABEL}} {'written':>{_NUMBER}} {'trained':>{_NUMBER}}"
    for name, before in report.style_before.items():
        after = report.style_after.get(name, 0)
        if name.endswith("_share"):
            yield f"  {_words(name):<{_LABEL - 2}} {before:>{_NUMBER}.0%} {after:>{_NUMBER}.0%}"
        elif name != "openers":
            yield f"  {_words(name):<{_LABEL - 2}} {before:>{_NUMBER},} {after:>{_NUMBER},}"
    for label, style in (("begins with", report.style_before), ("trained with", report.style_after)):
        if openers := _openers(style.get("openers", [])):
            yield from wrapped(f"  {label} {openers}", width)


def _openers(openers: Sequence[Any]) -> str:
    return ", ".join(f"{word} {share:.0%}" for word, share in openers[:5])


def _words(name: str) -> str:
    return name.replace("_", " ")
