"""Personal data to typed placeholders: the same number is `[phone-1]` wherever the persona's messages name it.

What the platform itself marked comes first, then what can be recognised for certain: links, mail and IP addresses,
passwords that are called so, tokens, crypto addresses, bank accounts, cards, documents, phone numbers. A message is
never dropped for what it holds. Most messages hold nothing of the kind, and one look tells so.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from importers.message import Message
from importers.privacy import contact_patterns, credential_patterns, number_patterns
from importers.privacy.contact_patterns import Found, digits

_SUSPECT = re.compile(r"[\d@＠:=：/]|www\.")
"""Everything that is looked for holds one of these."""
_LONG_NUMBER = re.compile(r"\d(?:[^\w\n]{0,3}[^\W\d]{0,8}\d){4}")
"""Five digits close to each other: documents, cards, accounts, phone numbers and random strings have them."""
_LONG_WORD = re.compile(r"[\w-]{16}")
_ADDRESS = re.compile(r"\S+\.\S+|\S+://\S+")

_KINDS = {"email": "email", "phone": "phone", "card": "card", "link": "link"}

Shown = tuple[int, int, str]
"""Where something stands in a text, and what is shown in its place."""


@dataclass
class Redactor:
    """Replaces personal data in the messages of one persona, and counts what it replaced."""

    counts: Counter[str] = field(default_factory=Counter)
    """Kind to the number of replacements."""
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    _given: Counter[str] = field(default_factory=Counter)

    def redact(self, message: Message) -> str:
        """Return the text of a message with placeholders in place of personal data."""
        text = message.text
        if not message.spans and not _SUSPECT.search(text):
            return text
        return replaced(text, self.find(message))

    def redact_text(self, text: str) -> str:
        """Return a text that is no message, such as a name, with placeholders in place of personal data."""
        return replaced(text, self._named(_recognised(text)))

    def find(self, message: Message) -> list[Shown]:
        """Return where personal data stands in a message, in order, each with its placeholder."""
        return self._named(chain(_marked(message), _recognised(message.text)))

    def _named(self, candidates: Iterator[Found]) -> list[Shown]:
        found: list[Found] = []
        for candidate in candidates:
            if not any(candidate[0] < end and start < candidate[1] for start, end, _, _ in found):
                found.append(candidate)
        # Numbers are given in reading order.
        return [(start, end, self._placeholder(kind, key)) for start, end, kind, key in sorted(found)]

    def _placeholder(self, kind: str, key: str) -> str:
        self.counts[kind] += 1
        if kind == "link":
            return "[link]"
        if (kind, key) not in self._numbers:
            self._given[kind] += 1
            self._numbers[kind, key] = self._given[kind]
        return f"[{kind}-{self._numbers[kind, key]}]"


def replaced(text: str, found: list[Shown]) -> str:
    """Return a text with each stretch, given in order and none overlapping another, replaced by what is shown."""
    for start, end, shown in reversed(found):
        text = text[:start] + shown + text[end:]
    return text


def _marked(message: Message) -> Iterator[Found]:
    """Yield what the platform marked; a link whose text is words is left, its address is not in the text."""
    for span in message.spans:
        text = message.text[span.start : span.end]
        kind = _KINDS.get(span.kind)
        if kind == "phone":
            yield span.start, span.end, kind, digits(text)[-8:]
        elif kind and (kind != "link" or _ADDRESS.fullmatch(text)):
            yield span.start, span.end, kind, text.casefold() if kind != "card" else digits(text)


def _recognised(text: str) -> Iterator[Found]:
    """Yield what is recognised, the most certain first; each search is made only where it can find something."""
    if not _SUSPECT.search(text):
        return
    if "/" in text or "www." in text.lower():
        yield from contact_patterns.links(text)
    if "@" in text or "＠" in text:
        yield from contact_patterns.emails(text)
    yield from credential_patterns.passwords(text)
    long_number = _LONG_NUMBER.search(text) is not None
    if long_number and _LONG_WORD.search(text):
        yield from credential_patterns.crypto_addresses(text)
        yield from credential_patterns.tokens(text)
    if long_number:
        for search in (number_patterns.ibans, number_patterns.cards, number_patterns.documents):
            yield from search(text)
    if text.count(".") > 2 or text.count(":") > 2:
        yield from contact_patterns.ip_addresses(text)
    if long_number:
        yield from contact_patterns.phones(text)
