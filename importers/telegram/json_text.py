"""The text of a Telegram message: every shape it has ever been written in, to one string and the spans marked in it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import UNSET

from importers.message import Span
from importers.telegram.json_fields import Fields, Part

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
_FORMULA = ("formula", "source")
_BLOCK_MEDIA = {
    "photo": "photo",
    "collage": "photo",
    "slideshow": "photo",
    "video": "video",
    "audio": "audio",
    "file": "file",
    "map": "location",
}
_UNWANTED = re.compile(r"[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DEEPEST = 50
"""Levels of nesting that are followed; nobody writes deeper."""

Stretch = tuple[str, str]
"""A stretch of text and its span kind, empty for plain text."""


def text_of(fields: Fields) -> tuple[str, tuple[Span, ...]]:
    """Return a message's text and the spans in it, parts joined without a separator, as Telegram split them."""
    if fields.rich_message is not UNSET:
        return _join(_rich(fields.rich_message, 0))
    entities = fields.text_entities
    if type(entities) is list and entities:
        part = entities[0]
        if len(entities) == 1 and type(part) is Part and part.type == "plain" and type(part.text) is str and part.text:
            return clean(part.text).strip(), ()
        text, spans = _join(_parts(entities))
        if text:
            return text, spans
    if type(fields.text) is str:
        return clean(fields.text).strip(), ()
    return _join(_parts(fields.text))


def question_of(fields: Fields) -> tuple[str, tuple[Span, ...]]:
    """Return what a poll asks or a list is called, and the spans in it: its sender's words, where text says nothing."""
    for value, key in ((fields.poll, "question"), (fields.todo_list, "title")):
        if isinstance(value, dict):
            return _join(_parts(value.get(key)))
    return "", ()


def clean(text: str) -> str:
    """Return text without control characters and lone surrogates, which no file or database takes."""
    # Most texts are lines of letters and signs, and telling that takes a tenth of the time.
    if text.isprintable() or text.replace("\n", "").isprintable():
        return text
    return _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def rich_media(message: Any) -> str | None:
    """Return the kind of the first medium among the blocks of a rich message."""
    blocks = message.get("blocks") if isinstance(message, dict) else None
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict) and (kind := _BLOCK_MEDIA.get(str(block.get("type")))):
            return kind
    return None


def _join(parts: Iterable[Stretch]) -> tuple[str, tuple[Span, ...]]:
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
    stripped = joined.strip()
    if not spans or len(stripped) == at:
        return stripped, tuple(spans)
    start = at - len(joined.lstrip())
    moved = (Span(s.kind, max(0, s.start - start), min(len(stripped), s.end - start)) for s in spans)
    return stripped, tuple(span for span in moved if span.start < span.end)


def _parts(value: Any) -> Iterator[Stretch]:
    for part in value if isinstance(value, list) else [value]:
        if type(part) is str:
            yield part, ""
            continue
        kind, text = (part.type, part.text) if type(part) is Part else _type_and_text(part)
        if type(text) is str:
            yield text, SPAN_KINDS.get(kind if type(kind) is str else "", "")


def _type_and_text(part: Any) -> tuple[Any, Any]:
    return (part.get("type"), part.get("text")) if isinstance(part, dict) else (None, None)


def _rich(node: Any, depth: int, kind: str = "") -> Iterator[Stretch]:
    """Flatten a rich message (2026): blocks a line each, rich text in one go; unknown nodes are looked into."""
    if depth > _DEEPEST:
        return
    if isinstance(node, str):
        yield node, kind
    elif isinstance(node, list):
        for item in node:
            yield from _rich(item, depth + 1, kind)
    elif isinstance(node, dict) and (type_ := str(node.get("type"))) not in _NOT_WRITTEN:
        inner = SPAN_KINDS.get(type_, kind)
        names = _FORMULA if type_ == "math" else _NESTED
        members = (_member(node[name], name, depth + 1, inner) for name in names if name in node)
        yield from _separated(members, "\n")


def _member(value: Any, name: str, depth: int, kind: str) -> Iterator[Stretch]:
    """Flatten one member of a rich node; blocks, items and rows stand on lines of their own, cells side by side."""
    if name in ("blocks", "items", "rows", "cells") and isinstance(value, list):
        yield from _separated((_rich(item, depth, kind) for item in value), " " if name == "cells" else "\n")
    else:
        yield from _rich(value, depth, kind)


def _separated(groups: Iterable[Iterable[Stretch]], separator: str) -> Iterator[Stretch]:
    """Chain groups of parts with a separator between those that hold text."""
    first = True
    for group in groups:
        parts = list(group)
        if any(text for text, _ in parts):
            if not first:
                yield separator, ""
            first = False
            yield from parts
