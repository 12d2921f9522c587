"""The text of a message in Telegram's HTML, and the spans of its links and marks."""

import re
from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborNode

from importers.message import Span
from importers.telegram.json_text import Part, clean, join_parts

_SHOWN = {"ShowHashtag": "hashtag", "ShowCashtag": "hashtag", "ShowBotCommand": "command", "ShowMentionName": "mention"}
"""JavaScript functions that links call, to kinds of spans."""
_CALLED = re.compile(r"return (\w+)\(")
_MARKS = {"code": "code", "pre": "code", "blockquote": "quote"}
_BLOCKS = frozenset("p div h1 h2 h3 h4 h5 h6 li tr footer blockquote pre figure figcaption details summary hr".split())
"""Tags of a rich message (2026) that start a new line."""
_SKIPPED = frozenset({"script", "style", "button"})
_SCHEME = re.compile(r"[a-zA-Z][\w+.-]*://|tg:|ton:")
_DEEPEST = 60


def text_of(node: LexborNode, *, rich: bool = False) -> tuple[str, tuple[Span, ...]]:
    """Return the text below a node, without white space around it, and the spans in it."""
    only = node.child
    if not rich and only is not None and only.next is None and only.tag == "-text":
        return clean(only.text_content or "").strip(), ()
    return join_parts(_parts(node, "", rich, 0))


def line_of(node: LexborNode) -> str:
    """Return the text below a node as one line, as names and headings are."""
    return " ".join(clean(node.text()).split())


def _parts(node: LexborNode, kind: str, rich: bool, depth: int) -> Iterator[Part]:
    """Yield the parts of the text below a node; the line breaks of a rich message's HTML are not part of its text."""
    if depth > _DEEPEST:
        return
    for child in node.iter(include_text=True):
        tag = child.tag
        if tag == "-text":
            text = child.text_content or ""
            yield (re.sub(r"\s*\n\s*", "", text) if rich else text), kind
        elif tag == "br":
            yield "\n", kind
        elif tag == "a" or (tag in _MARKS and not rich):
            # A link or a mark is one span, even over several lines.
            text = "".join(part for part, _ in _parts(child, "", rich, depth + 1))
            yield text, (_kind_of_link(child.attributes, text) if tag == "a" else _MARKS[tag]) or kind
        elif tag is not None and tag not in _SKIPPED:
            parts = _parts(child, _MARKS.get(tag, kind), rich, depth + 1)
            yield from _on_its_line(parts) if rich and tag in _BLOCKS else parts


def _on_its_line(parts: Iterator[Part]) -> Iterator[Part]:
    said = list(parts)
    if any(text.strip() for text, _ in said):
        yield from said
        if not said[-1][0].endswith("\n"):
            yield "\n", ""


def _kind_of_link(attributes: dict[str, Any], text: str) -> str:
    """Return the kind of a link's span; empty for a custom emoji, which links to a file of the export."""
    called = _CALLED.match(attributes.get("onclick") or "")
    if called:
        return _SHOWN.get(called[1], "")
    address = attributes.get("href") or ""
    for scheme, kind in (("mailto:", "email"), ("tel:", "phone")):
        if address.startswith(scheme):
            return kind
    if text.startswith("@") and address.endswith(f"/{text[1:]}"):
        return "mention"
    return "link" if _SCHEME.match(address) or address == text else ""
