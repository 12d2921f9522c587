"""Messages to rows of the archive, and back."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache

from importers.message import Media, Message, Span

COLUMNS = "chat, id, sent_at, sender, text, media, reply_to, edited_at, forwarded, via_bot, spans, utc_offset"
"""What `message` takes, in its order."""
INSERT_RICH = f"INSERT INTO message (platform, {COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
INSERT_PLAIN = (
    "INSERT INTO message (platform, chat, id, sent_at, sender, text, utc_offset, forwarded, via_bot)"
    " VALUES (?,?,?,?,?,?,?,0,0) ON CONFLICT DO NOTHING"
)

Row = tuple[object, ...]


def divided(platform: str, messages: Sequence[Message]) -> tuple[list[Row], list[Row]]:
    """Return the rows of messages that are text alone, and those of all others: what to insert in which statement.

    Most messages are text alone, and to hand a None to SQLite takes Python longer than a text. Where a message is there
    twice all are among the others, in their order, so that the first of the two is kept.
    """
    plain: list[Row] = []
    rich: list[Row] = []
    twice = _has_twice(messages)
    for m in messages:
        if twice or m.media or m.reply_to is not None or m.edited_at is not None or m.forwarded or m.via_bot or m.spans:
            rich.append((
                platform, m.chat, m.id, m.sent_at, m.sender, m.text, m.media and _media_text(m.media),
                m.reply_to, m.edited_at, m.forwarded, m.via_bot, _spans_text(m.spans) if m.spans else None,
                m.utc_offset,
            ))  # fmt: skip
        else:
            plain.append((platform, m.chat, m.id, m.sent_at, m.sender, m.text, m.utc_offset))
    return plain, rich


def _has_twice(messages: Sequence[Message]) -> bool:
    """Tell whether two of these have the same chat and id."""
    if len({m.id for m in messages}) == len(messages):  # as nearly always, and told much sooner
        return False
    return len({(m.chat, m.id) for m in messages}) < len(messages)


def message(
    chat: str, number: int, sent_at: int, sender: str, text: str, carried: str | None, reply_to: int | None,
    edited_at: int | None, forwarded: int, via_bot: int, spans: str | None, utc_offset: int | None,
) -> Message:  # fmt: skip
    """Return the message that a row's columns hold."""
    return Message(
        chat,
        number,
        sent_at,
        sender,
        text,
        media(carried) if carried else None,
        reply_to,
        edited_at,
        bool(forwarded),
        bool(via_bot),
        tuple(Span(*span) for span in json.loads(spans)) if spans else (),
        utc_offset,
    )


@lru_cache(maxsize=4096)
def media(text: str) -> Media:
    """Return what a message carries from the text that it is stored as."""
    return Media(**json.loads(text))


@lru_cache(maxsize=4096)
def _media_text(carried: Media) -> str:
    return json.dumps(asdict(carried), ensure_ascii=False)


def _spans_text(spans: tuple[Span, ...]) -> str:
    return json.dumps([(s.kind, s.start, s.end) for s in spans])
