"""Markers: the strings that end a reply or a turn, and how text that contains one is kept from meaning it.

A template may name a text that ends a reply, beside the end-of-turn token, in a comment: `{#- stop_marker=<<< -#}`.
"""

import re
from collections.abc import Iterable

_STOP_MARKER = re.compile(r"\{#-? stop_marker=(.+?) -?#\}")
_WRITTEN_MARKER = re.compile(r"\[/?[A-Z_]{2,}\]|<</?[A-Z]+>>|<\|[\w/ ]+\|>|#{2,3} [A-Z]\w+:")
"""How templates mark a turn where the tokenizer has no token for it: Llama-2, Mistral, Zephyr, Alpaca."""


def stop_marker_of(template: str) -> str:
    """Return the text that ends a reply in this template's source, or "" where it names none."""
    found = _STOP_MARKER.search(template)
    return found.group(1) if found else ""


def markers_of(template: str, special_tokens: Iterable[str]) -> tuple[str, ...]:
    """Return what must not stand in a message, longest first: special tokens, and markers that the template writes."""
    own = {"<<<", ">>>", stop_marker_of(template)} if stop_marker_of(template) else set()
    own.update(_WRITTEN_MARKER.findall(template))
    return tuple(sorted({token for token in special_tokens if token.strip()} | own, key=lambda m: (-len(m), m)))


def neutralise(content: str, markers: Iterable[str]) -> str:
    """Break every marker in `content` by a space after its first character, so that it stays text."""
    content = content.strip()
    for marker in markers:
        if len(marker) > 1 and marker in content:
            content = content.replace(marker, f"{marker[0]} {marker[1:]}")
    return content
