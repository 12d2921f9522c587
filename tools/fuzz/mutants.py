"""Small Telegram exports of every era, and random damage to them."""

import json
import random
from collections.abc import Callable
from functools import cache
from typing import Any

NOON = 1_700_000_000
SLICES = (1, 2, 5, 20, 100, 600)
"""Numbers of bytes that are copied, moved or deleted at a time."""
INSERTED = (
    b"\x00", b"\xff", b"\xed\xa0\xbd", b"\xc0\xaf", b"\xef\xbb\xbf", b"\xff\xfe", b"\\", b"\\x0C", b"\\u0000",
    b"\\ud83d", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r\n", b" ", b"null", b"true", b"NaN", b"-Infinity",
    b"1e999", b"-", b"0", b"9" * 30, b"9" * 5000, b"0." + b"3" * 400, b'"id": 1,', b'"text": null,', b'"messages": [',
    b"\xe2\x80\xa8",
)  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, float("nan"), float("inf"), "", "x", "\ud83d", "a\x00b", "\ufeff", "9" * 400,
    [], {}, [[]], [None], [1, "x", {"text": 1}], {"text": {"text": []}}, {"type": "message", "id": 1}, "١٢٣", "1e3",
)  # fmt: skip


def mutant(rng: random.Random) -> bytes:
    """Return an export with up to five random faults."""
    document = json.loads(rng.choice(_originals()))
    for _ in range(rng.choice((0, 0, 1, 2, 3))):
        _alter(document, rng)
    indent, separators = rng.choice(((1, None), (1, None), (None, (",", ":")), (None, None), (4, None)))
    text = json.dumps(document, indent=indent, separators=separators, ensure_ascii=rng.random() < 0.5)
    raw = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.02:
        return text.encode(rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp1251")), "ignore")
    if rng.random() < 0.03:
        raw = raw.replace(b"\n", b"\r\n")
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        raw = rng.choice(DAMAGES)(raw, rng)
    return raw


def _alter(document: Any, rng: random.Random) -> None:
    """Replace or delete a random value of a document."""
    places: list[tuple[Any, Any]] = []
    pending = [document]
    while pending:
        value = pending.pop()
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        places += [(value, key) for key in keys]
        pending += [value[key] for key in keys if isinstance(value[key], dict | list)]
    if not places:
        return
    holder, key = rng.choice(places)
    if rng.random() < 0.2:
        del holder[key]
    elif rng.random() < 0.3:
        other, name = rng.choice(places)
        holder[key] = json.loads(json.dumps(other[name]))
    else:
        holder[key] = json.loads(json.dumps(rng.choice(ODD)))


def _flip(raw: bytes, rng: random.Random) -> bytes:
    if not raw:
        return raw
    changed = bytearray(raw)
    for _ in range(rng.choice((1, 1, 3, 10))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _truncate(raw: bytes, rng: random.Random) -> bytes:
    return raw[: rng.randrange(len(raw) + 1)]


def _slice(raw: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(raw) + 1)
    return start, min(len(raw), start + rng.choice(SLICES))


def _delete(raw: bytes, rng: random.Random) -> bytes:
    start, end = _slice(raw, rng)
    return raw[:start] + raw[end:]


def _duplicate(raw: bytes, rng: random.Random) -> bytes:
    start, end = _slice(raw, rng)
    return raw[:end] + raw[start:]


def _move(raw: bytes, rng: random.Random) -> bytes:
    start, end = _slice(raw, rng)
    rest, at = raw[:start] + raw[end:], rng.randrange(len(raw) + 1)
    return rest[:at] + raw[start:end] + rest[at:]


def _insert(raw: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.choice(INSERTED) + raw[at:]


def _nest(raw: bytes, rng: random.Random) -> bytes:
    """Insert brackets nested up to thousands of levels."""
    depth = rng.choice((10, 200, 990, 5000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"text":', b"}"), (b'{"blocks":[', b"]}")))
    at = raw.find(b"[]", rng.randrange(len(raw) + 1))
    at = at if at >= 0 else rng.randrange(len(raw) + 1)
    return raw[:at] + opening * depth + b"1" + closing * (depth if rng.random() < 0.8 else depth // 2) + raw[at + 2 :]


def _unquote(raw: bytes, rng: random.Random) -> bytes:
    return raw.replace(b'"document_id": "a (1).webp"', b'"document_id": a (1).webp', rng.choice((1, -1)))


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip, _truncate, _delete, _duplicate, _move, _insert, _insert, _nest, _unquote,
)  # fmt: skip


def original() -> str:
    """Return an undamaged export of the same people."""
    return _originals()[0]


@cache
def _originals() -> tuple[str, ...]:
    """Return undamaged exports as JSON: an account, a chat of each era of ids, a list, and rich messages."""
    people: tuple[tuple[Any, Any], ...] = (("user1", "user2"), (1, 2), ((1 << 32) | 1, (1 << 32) | 2), (None, None))
    chats = []
    for era, (mine, partner) in enumerate(people):
        place = partner if isinstance(partner, int) else 2 + era
        said = [_message(number, partner if number % 2 else mine) for number in range(1, 13)]
        chats.append({"name": "Theo", "type": "personal_chat", "id": place, "messages": said})
    forum = [{"id": 1, "type": "service", "date_unixtime": str(NOON), "action": "topic_created", "text": ""}]
    forum += [_message(number, f"user{number % 3}") | {"reply_to_message_id": 1} for number in range(2, 10)]
    call = {**forum[0], "id": -4, "action": "phone_call", "duration_seconds": 65}
    group = {"name": "Choir", "type": "private_supergroup", "id": 9, "messages": [{"id": -5}, call, *forum]}
    who = {"user_id": 1, "first_name": "Mira", "last_name": "Vale"}
    listed = {"about": "…", "list": [chats[0], group, {**chats[0], "id": 7}]}
    left = {"about": "…", "list": [{**group, "id": 10}]}
    account = {"personal_information": who, "contacts": {"list": [{"user_id": 3}]}, "chats": listed, "left_chats": left}
    return tuple(json.dumps(document) for document in (account, *chats, group, chats, listed))


def _message(number: int, sender: Any) -> dict[str, Any]:
    body = BODIES[number % len(BODIES)]
    made: dict[str, Any] = {
        "id": number,
        "type": "message",
        "date": "2023-11-14T22:13:20",
        "date_unixtime": str(NOON + 40 * number),
        "from": None if sender is None else f"Person {sender}",
        "from_id": sender,
        **body,
    }
    if sender is None or number % 5 == 0:
        del made["from_id" if sender is None else "date_unixtime"]
    return made


BODIES: tuple[dict[str, Any], ...] = (
    {"text": "hello there, how was it", "text_entities": [{"type": "plain", "text": "hello there, how was it"}]},
    {"text": "Привет\nкак дела", "text_entities": [{"type": "plain", "text": "Привет\nкак дела"}], "via_bot": "@gif"},
    {"text": ["see ", {"type": "link", "text": "a.io"}, ""], "edited": "1970-01-01T05:30:00"},
    {"file": "v.ogg", "media_type": "voice_message", "duration_seconds": 12, "text": "", "text_entities": []},
    {"file": "s.webp", "media_type": "sticker", "sticker_emoji": "😂", "text": [{"type": "custom_emoji", "text": "😂",
     "document_id": "a (1).webp"}], "reply_to_message_id": 2, "reply_to_peer_id": "channel9"},
    {"rich_message": {"blocks": [{"type": "paragraph", "text": ["a ", {"type": "bold", "text": "b"}]}, {"type": "list",
     "items": [{"content": "text", "text": "one"}]}, {"type": "table", "rows": [{"cells": [{"text": "c"}]}]}]}},
    {"photo": "(File not included.)", "text": "안녕 👩‍👩‍👧", "forwarded_from": None, "edited_unixtime": str(NOON + 60)},
    {"poll": {"question": ["Tea?"], "answers": [{"text": "yes", "voters": 0}]}, "text": "", "text_entities": []},
)  # fmt: skip
