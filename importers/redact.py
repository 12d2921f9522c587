"""Personal data to typed placeholders: the same number is `[phone-1]` wherever the persona's messages name it.

What the platform itself marked comes first, then what can be recognised for certain: addresses, card numbers that pass
Luhn's check, phone numbers in international spelling. A message is never dropped for what it holds.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from importers.message import Message

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"')\]]+", re.IGNORECASE)
_CARD = re.compile(r"(?<![\d.,])\d(?:[ -]?\d){12,18}(?![\d])")
_PHONE = re.compile(r"\+[\d(][\d\s().-]{5,}\d")
"""Where a search for phone numbers is worth its time."""
_ADDRESS = re.compile(r"\S+\.\S+|\S+://\S+")

_KINDS = {"email": "email", "phone": "phone", "card": "card", "link": "link"}

Found = tuple[int, int, str, str]
"""Where personal data stands, its kind, and what identifies it in whatever spelling."""


@dataclass
class Redactor:
    """Replaces personal data in the messages of one persona, and counts what it replaced."""

    counts: Counter[str] = field(default_factory=Counter)
    """Kind to the number of replacements."""
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    _given: Counter[str] = field(default_factory=Counter)

    def redact(self, message: Message) -> str:
        """Return the text of a message with placeholders in place of personal data."""
        if not message.text:
            return ""
        found: list[Found] = []
        for candidate in (*_marked(message), *_recognised(message.text)):
            if not any(candidate[0] < end and start < candidate[1] for start, end, _, _ in found):
                found.append(candidate)
        text = message.text
        # Numbers are given in reading order, replacements made from the end.
        named = [(start, end, self._placeholder(kind, key)) for start, end, kind, key in sorted(found)]
        for start, end, placeholder in reversed(named):
            text = text[:start] + placeholder + text[end:]
        return text

    def _placeholder(self, kind: str, key: str) -> str:
        self.counts[kind] += 1
        if kind == "link":
            return "[link]"
        if (kind, key) not in self._numbers:
            self._given[kind] += 1
            self._numbers[kind, key] = self._given[kind]
        return f"[{kind}-{self._numbers[kind, key]}]"


def _marked(message: Message) -> Iterator[Found]:
    """Yield what the platform marked; a link whose text is words is left, its address is not in the text."""
    for span in message.spans:
        text = message.text[span.start : span.end]
        kind = _KINDS.get(span.kind)
        if kind and (kind != "link" or _ADDRESS.fullmatch(text)):
            yield span.start, span.end, kind, _key(kind, text)


def _recognised(text: str) -> Iterator[Found]:
    for match in _LINK.finditer(text):
        end = match.start() + len(match[0].rstrip(".,;:!?…"))
        yield match.start(), end, "link", match[0]
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield match.start(), match.end(), "email", _key("email", match[0])
    for match in _CARD.finditer(text):
        if _passes_luhn(_digits(match[0])):
            yield match.start(), match.end(), "card", _digits(match[0])
    if _PHONE.search(text):
        yield from _phones(text)


def _phones(text: str) -> Iterator[Found]:
    import phonenumbers  # half a second of tables, which few imports need

    for match in phonenumbers.PhoneNumberMatcher(text, None):
        yield match.start, match.end, "phone", _digits(match.raw_string)


def _key(kind: str, text: str) -> str:
    return text.casefold() if kind in ("email", "link") else _digits(text)


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdecimal())


def _passes_luhn(digits: str) -> bool:
    """Tell whether a card number's last digit checks the others (ISO/IEC 7812-1, annex B)."""
    doubled = [2 * int(d) if i % 2 else int(d) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0
