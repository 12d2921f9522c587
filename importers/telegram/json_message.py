"""Converts a message object of a Telegram export to a `Message`, or to the reason why it is dropped.

Empty keys are missing, ids have had four forms, and dates two.
"""

from calendar import timegm
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET

from importers.message import NAMED, ChatKind, Message
from importers.telegram.json_fields import Fields
from importers.telegram.json_text import clean, question_of, text_of
from importers.telegram.media import CALL, media_of, text_alone

CHAT_TYPES: dict[str, tuple[ChatKind, str]] = {
    "personal_chat": ("personal", "user"),
    "bot_chat": ("bot", "user"),
    "replies": ("bot", "user"),
    "verification_codes": ("bot", "user"),
    "saved_messages": ("saved", "user"),
    "private_group": ("group", "chat"),
    "private_supergroup": ("group", "channel"),
    "public_supergroup": ("group", "channel"),
    "public_group": ("group", "channel"),
    "private_channel": ("channel", "channel"),
    "public_channel": ("channel", "channel"),
}
"""Telegram's chat types to kinds of chats, and to the prefix of their ids."""

FIRST_EXPORT = timegm((2013, 8, 1, 0, 0, 0))
"""When Telegram began; earlier dates are placeholders of deleted messages and of missing edits."""
LAST_EXPORT = 1 << 33
"""The latest plausible date (2242)."""
EPOCH = datetime(1970, 1, 1)
SMALLEST_ID, LARGEST_ID = -(1 << 63), (1 << 63) - 1
"""Ids are 64-bit numbers."""
UTC_OFFSETS = {offset: offset for offset in range(-12 * 3600, 14 * 3600 + 1, 900)}
"""All plausible UTC offsets, in seconds; another difference means that one of the two dates is wrong."""


class Header(msgspec.Struct):
    """What an export says of a chat, besides its messages; values may be of any type, and None if missing."""

    name: Any = None
    type: Any = None
    id: Any = None


def chat_identity(header: Header, *, shifted: bool) -> tuple[str, ChatKind]:
    """Return a chat's id and kind; `shifted` tells that the file is of the era with shifted ids."""
    kind, prefix = CHAT_TYPES.get(str(header.type), ("group", "chat"))
    number = clean(header.id) if isinstance(header.id, str) else header.id
    if shifted and isinstance(number, int) and number >> 32 in (1, 2):
        number &= 0xFFFFFFFF
    return f"{prefix}{number}", kind


def person_id(value: Any, name: Any, header: Header, chat: str) -> str:
    """Return a person's id from a `from_id` of any era, or from the name where there is no id."""
    if isinstance(value, str) and (cleaned := clean(value)):
        return f"user{cleaned}" if cleaned.isdecimal() else cleaned
    if isinstance(value, int) and not isinstance(value, bool):
        if value == header.id:
            return chat  # the partner or the owner, the channel itself, or an anonymous admin
        high, low = value >> 32, value & 0xFFFFFFFF
        return f"channel{low}" if high == 2 else f"user{low if high == 1 else value}"
    return f"{NAMED}{clean(name)}" if isinstance(name, str) and name else "deleted"


def person_name(name: Any, person: str) -> str:
    """Return the name to show; deleted accounts are numbered by their ids."""
    if isinstance(name, str) and (cleaned := " ".join(clean(name).split())):
        return cleaned
    return f"Deleted {person.lstrip('abcdefghijklmnopqrstuvwxyz')}".strip()


def read_message(
    fields: Fields, chat: str, sender: str, own_ids: Collection[Any], topics: Collection[int], zone: int | None = None
) -> Message | str:
    """Return the message in `fields`, or why it is dropped: service, unsupported, undated or empty.

    `own_ids` are the possible forms of the chat's id; `topics` are the ids of messages that open a forum topic, to
    which all messages of the topic formally reply. `zone` is the UTC offset in seconds, if known, for a message that
    carries only local time.
    """
    number = fields.id
    if type(number) is not int or not SMALLEST_ID <= number <= LARGEST_ID:
        return "unsupported"
    if fields.type != "message" and not (fields.type == "service" and fields.action == CALL):
        return "service" if fields.type == "service" else "unsupported"
    sent_at: int | None
    try:
        sent_at = int(fields.date_unixtime)
        local = datetime.fromisoformat(fields.date) - EPOCH
        utc_offset = UTC_OFFSETS.get(local.days * 86_400 + local.seconds - sent_at)
    except (TypeError, ValueError, OverflowError):  # one of the two is missing, or is not as Telegram writes it
        sent_at, utc_offset = _seconds(fields.date_unixtime, fields.date, zone or 0), zone
    if sent_at is None or not FIRST_EXPORT <= sent_at < LAST_EXPORT:
        return "undated"
    text, spans = text_of(fields)
    media = None if text_alone(fields) else media_of(fields)
    if not text:
        if media is None:
            return "empty"
        text, spans = question_of(fields)
    unedited = fields.edited is None and fields.edited_unixtime is None
    written = fields.forwarded_from is UNSET and fields.forwarded_from_id is UNSET and fields.saved_from is UNSET
    return Message(
        chat, number, sent_at, sender, text, media,
        None if fields.reply_to_message_id is None else _reply_to(fields, own_ids, topics),
        None if unedited else _seconds(fields.edited_unixtime, fields.edited, zone or 0),
        not written, fields.via_bot is not UNSET, spans, utc_offset,
    )  # fmt: skip


def opens_topic(fields: Fields) -> bool:
    """Tell whether this service message opens a forum topic."""
    return bool(fields.action == "topic_created") and isinstance(fields.id, int)


def _seconds(unixtime: Any, date: Any, zone: int) -> int | None:
    """Return a date in Unix seconds, or None if missing or implausible; local time is `zone` seconds ahead of UTC."""
    try:
        seconds = int(unixtime)
    except (TypeError, ValueError, OverflowError):
        try:
            moment = datetime.fromisoformat(date)
        except (TypeError, ValueError):
            return None
        since = moment - (EPOCH if moment.tzinfo is None else EPOCH.replace(tzinfo=UTC))
        seconds = since.days * 86_400 + since.seconds - (zone if moment.tzinfo is None else 0)
    return seconds if FIRST_EXPORT <= seconds < LAST_EXPORT else None


def _reply_to(fields: Fields, own_ids: Collection[Any], topics: Collection[int]) -> int | None:
    target, peer = fields.reply_to_message_id, fields.reply_to_peer_id
    if type(target) is not int or not SMALLEST_ID <= target <= LARGEST_ID or target in topics:
        return None
    # A peer means a reply to another chat, but some versions name the chat itself.
    elsewhere = peer is not None and (isinstance(peer, list | dict) or peer not in own_ids)
    return None if elsewhere else target
