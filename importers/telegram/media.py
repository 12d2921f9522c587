"""The media of a Telegram message, by the keys that are present, for every version.

File paths are not read: for a file that was not exported, the value is a sentence.
"""

from functools import lru_cache
from typing import Any

from msgspec import UNSET

from importers.message import Media
from importers.telegram.json_fields import Fields
from importers.telegram.json_text import clean, rich_media

MEDIA_TYPES = {
    "sticker": "sticker",
    "video_message": "round",
    "voice_message": "voice",
    "animation": "gif",
    "video_file": "video",
    "audio_file": "audio",
}
"""Values of `media_type` to kinds of media."""
CALL = "phone_call"
"""The only service action that is read as a message."""

_CARRIED = {
    "photo": "photo",
    "contact_information": "contact",
    "location_information": "location",
    "game_title": "game",
    "invoice_information": "invoice",
    "poll": "poll",
    "todo_list": "list",
    "giveaway_information": "giveaway",
    "giveaway_results": "giveaway",
    "paid_stars_amount": "file",
    "file": "file",
    "media_type": "file",
}
"""Keys whose presence tells the kind, the more specific first."""
_TIMED = ("voice", "round", "video", "audio", "call")
_LONGEST = 1 << 31


def text_alone(fields: Fields) -> bool:
    """Tell whether a message has no media; written out for speed, since most messages have none."""
    return (
        fields.media_type is UNSET
        and fields.photo is UNSET
        and fields.file is UNSET
        and fields.action is None
        and fields.rich_message is UNSET
        and fields.poll is UNSET
        and fields.contact_information is UNSET
        and fields.location_information is UNSET
        and fields.game_title is UNSET
        and fields.invoice_information is UNSET
        and fields.todo_list is UNSET
        and fields.giveaway_information is UNSET
        and fields.giveaway_results is UNSET
        and fields.paid_stars_amount is UNSET
    )


def media_of(fields: Fields) -> Media | None:
    """Return a message's media, or None."""
    kind = "call" if fields.action == CALL else MEDIA_TYPES.get(str(fields.media_type))
    if kind is None:
        kind = next((kind for key, kind in _CARRIED.items() if getattr(fields, key) is not UNSET), None)
    if kind is None:
        kind = rich_media(fields.rich_message)
    if kind is None:
        return None
    emoji = fields.sticker_emoji if kind == "sticker" else None
    seconds = _seconds(fields.duration_seconds) if kind in _TIMED else None
    return _media(kind, clean(emoji) if isinstance(emoji, str) else "", seconds)


def _seconds(value: Any) -> int | None:
    try:
        seconds = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < _LONGEST else None


@lru_cache(maxsize=1024)
def _media(kind: str, emoji: str, seconds: int | None) -> Media:
    """Return a shared `Media`: an export has few different ones."""
    return Media(kind, emoji, seconds)
