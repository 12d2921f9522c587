"""One message object of a Telegram export to a `Message`, or to the reason why it is none.

Nothing in an export is certain: keys that hold nothing are left out, ids have had four forms, and dates two.
"""

from calendar import timegm
from datetime import datetime
from typing import Any, TypeGuard

from importers.message import ChatKind, Media, Message
from importers.telegram_text import clean, text_of

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
"""Telegram's chat types to ours, and to the prefix of their ids."""

MEDIA_TYPES = {
    "sticker": "sticker",
    "video_message": "round",
    "voice_message": "voice",
    "animation": "gif",
    "video_file": "video",
    "audio_file": "audio",
}
_CARRIED = {
    "photo": "photo",
    "contact_information": "contact",
    "location_information": "location",
    "game_title": "game",
    "invoice_information": "invoice",
    "poll": "poll",
    "todo_list": "list",
    "giveaway_information": "file",
    "file": "file",
}
"""Keys that say by themselves what a message carries."""

FIRST_EXPORT = timegm((2013, 8, 1, 0, 0, 0))
"""Telegram did not exist before; earlier dates are placeholders of deleted messages and of edits that never were."""


def chat_identity(header: dict[str, Any], *, shifted: bool) -> tuple[str, ChatKind]:
    """Return a chat's id and kind; `shifted` says that the file is of an era whose ids may be shifted."""
    kind, prefix = CHAT_TYPES.get(str(header.get("type")), ("group", "chat"))
    number = header["id"]
    if shifted and isinstance(number, int) and number >> 32 in (1, 2):
        number &= 0xFFFFFFFF
    return f"{prefix}{number}", kind


def person_id(value: Any, name: Any, header: dict[str, Any], chat: str) -> str:
    """Return the id of whoever `from_id` names, whatever its era, or one made of the name where there was none."""
    if isinstance(value, str) and value:
        return f"user{value}" if value.isdecimal() else value
    if isinstance(value, int):
        if value == header.get("id"):
            return chat  # the partner or the owner, the channel itself, or an anonymous admin
        high, low = value >> 32, value & 0xFFFFFFFF
        return f"channel{low}" if high == 2 else f"user{low if high == 1 else value}"
    return f"name:{name}" if isinstance(name, str) and name else "deleted"


def person_name(name: Any, person: str) -> str:
    """Return the name to show; accounts that were deleted are told apart by their ids."""
    if isinstance(name, str) and name.strip():
        return " ".join(clean(name).split())
    return f"Deleted {person.lstrip('abcdefghijklmnopqrstuvwxyz')}".strip()


def read_message(raw: Any, chat: str, sender: str, own_ids: set[Any], topics: set[int]) -> Message | str:
    """Return the message in `raw`, or service, unsupported, undated or empty.

    `own_ids` are the forms in which the chat's own id may stand; `topics` are ids that open a forum topic, which
    everything in the topic seems to reply to.
    """
    if not isinstance(raw, dict) or not _is_id(raw.get("id")):
        return "unsupported"
    if raw.get("type", "message") != "message":
        return "service" if raw["type"] == "service" else "unsupported"
    sent_at = _seconds(raw, "date")
    if sent_at is None:
        return "undated"
    text, spans = text_of(raw)
    media = _media(raw)
    if not text and media is None:
        return "empty"
    return Message(
        chat=chat,
        id=raw["id"],
        sent_at=sent_at,
        sender=sender,
        text=text,
        media=media,
        reply_to=_reply_to(raw, own_ids, topics),
        edited_at=_seconds(raw, "edited"),
        forwarded="forwarded_from" in raw or "forwarded_from_id" in raw or "saved_from" in raw,
        via_bot="via_bot" in raw,
        spans=spans,
    )


def opens_topic(raw: Any) -> bool:
    """Tell whether this is the service message that opens a forum topic."""
    return isinstance(raw, dict) and raw.get("action") == "topic_created"


def _seconds(raw: dict[str, Any], name: str) -> int | None:
    """Return a date in Unix seconds, or None where it is missing or cannot be."""
    seconds = _number(raw.get(f"{name}_unixtime"))
    if seconds is None:
        try:
            seconds = timegm(datetime.fromisoformat(raw[name]).timetuple())
        except (KeyError, TypeError, ValueError):
            return None
    return seconds if FIRST_EXPORT <= seconds < 1 << 33 else None


def _number(value: Any) -> int | None:
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _is_id(value: Any) -> TypeGuard[int]:
    """Tell whether a value is a number that an id can be: 64 bits wide."""
    return isinstance(value, int) and -(1 << 63) <= value < 1 << 63


def _reply_to(raw: dict[str, Any], own_ids: set[Any], topics: set[int]) -> int | None:
    target = raw.get("reply_to_message_id")
    if not _is_id(target) or target in topics:
        return None
    peer = raw.get("reply_to_peer_id")
    # A peer is named for replies to other chats, but some versions name the chat itself.
    elsewhere = peer is not None and (isinstance(peer, list | dict) or peer not in own_ids)
    return None if elsewhere else target


def _media(raw: dict[str, Any]) -> Media | None:
    """Return what a message carries; the paths in an export are never looked at, they may be sentences."""
    kind = MEDIA_TYPES.get(str(raw.get("media_type")))
    if kind is None:
        kind = next((kind for key, kind in _CARRIED.items() if key in raw), "file" if "media_type" in raw else None)
    if kind is None:
        return None
    seconds = _number(raw.get("duration_seconds"))
    timed = seconds is not None and 0 <= seconds < 1 << 31 and kind in ("voice", "round", "video", "audio")
    emoji = raw.get("sticker_emoji") if kind == "sticker" else None
    return Media(kind, clean(emoji) if isinstance(emoji, str) else "", seconds if timed else None)
