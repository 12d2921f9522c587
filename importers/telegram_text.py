"""The text of a Telegram message: every shape it has ever been written in, to one string and the spans marked in it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from importers.message import Span

SPAN_KINDS = {
    "link": "link",
    "text_link": "link",
    "mention": "mention",
    "mention_name": "mention",
    "bot_command": "command",
    "hashtag": "hashtag",
    "cashtag": "hashtag",
    "email": "email",
    "phone": "phone",
    "bank_card": "card",
    "code": "code",
    "pre": "code",
    "blockquote": "quote",
    "quote": "quote",
}
"""Telegram's entity types to the names of `Span.kind`; all others are plain text."""

_NOT_WRITTEN = {"button_row", "related_articles", "inline_image"}
"""Parts of a rich message that nobody wrote."""
_NESTED = ("title", "text", "blocks", "items", "rows", "cells", "caption")
_UNWANTED = re.compile(r"[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DEEPEST = 50
"""Levels of nesting that are followed; nobody writes deeper."""

Part = tuple[str, str]
"""A stretch of text and its span kind, empty for plain text."""


def text_of(message: dict[str, Any]) -> tuple[str, tuple[Span, ...]]:
    """Return a message's text and the spans in it, parts joined without a separator, as Telegram split them."""
    if "rich_message" in message:
        parts = list(_rich(message["rich_message"], 0))
    else:
        parts = list(_parts(message.get("text_entities") or message.get("text")))
    return _join(parts)


def clean(text: str) -> str:
    """Return text without control characters and lone surrogates, which no file or database takes."""
    return _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def plain(value: Any) -> str:
    """Return the text of a value that may be a string or a list of parts, such as a poll's question."""
    return _join(list(_parts(value)))[0]


def _join(parts: list[Part]) -> tuple[str, tuple[Span, ...]]:
    texts: list[str] = []
    spans: list[Span] = []
    at = 0
    for raw, kind in parts:
        text = clean(raw)
        if kind and text:
            spans.append(Span(kind, at, at + len(text)))
        at += len(text)
        texts.append(text)
    joined = "".join(texts)
    # White space at the ends says nothing, and line joins would show it.
    start = len(joined) - len(joined.lstrip())
    stripped = joined.strip()
    moved = (Span(s.kind, max(0, s.start - start), min(len(stripped), s.end - start)) for s in spans)
    return stripped, tuple(span for span in moved if span.start < span.end)


def _parts(value: Any) -> Iterator[Part]:
    if isinstance(value, str):
        yield value, ""
    elif isinstance(value, list):
        for part in value:
            if isinstance(part, str):
                yield part, ""
            elif isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"], SPAN_KINDS.get(str(part.get("type")), "")


def _rich(node: Any, depth: int, kind: str = "") -> Iterator[Part]:
    """Flatten a rich message (2026): blocks a line each, rich text in one go; unknown nodes are looked into."""
    if depth > _DEEPEST:
        return
    if isinstance(node, str):
        yield node, kind
    elif isinstance(node, list):
        for item in node:
            yield from _rich(item, depth + 1, kind)
    elif isinstance(node, dict) and node.get("type") not in _NOT_WRITTEN:
        inner = SPAN_KINDS.get(str(node.get("type")), kind)
        members = (_member(node[name], name, depth + 1, inner) for name in _NESTED if name in node)
        yield from _separated(members, "\n")


def _member(value: Any, name: str, depth: int, kind: str) -> Iterator[Part]:
    """Flatten one member of a rich node; blocks, items and rows stand on lines of their own, cells side by side."""
    if name in ("blocks", "items", "rows", "cells") and isinstance(value, list):
        yield from _separated((_rich(item, depth, kind) for item in value), " " if name == "cells" else "\n")
    else:
        yield from _rich(value, depth, kind)


def _separated(groups: Iterable[Iterable[Part]], separator: str) -> Iterator[Part]:
    """Chain groups of parts with a separator between those that hold text."""
    first = True
    for group in groups:
        parts = list(group)
        if any(text for text, _ in parts):
            if not first:
                yield separator, ""
            first = False
            yield from parts
