"""What a Telegram message carries besides text, told by the keys that are there, in every version's way.

The paths in an export are never looked at: where a file was not exported, a sentence stands in their place.
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
"""Values of `media_type` to the names of `Media.kind`."""
CALL = "phone_call"
"""The one service action that is said in a conversation, as a voice message is."""

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
"""Keys that say by themselves what a message carries, the more telling first."""
_TIMED = ("voice", "round", "video", "audio", "call")
_LONGEST = 1 << 31


def text_alone(fields: Fields) -> bool:
    """Tell whether no key says that there is more than text: most messages, hence asked first and written out."""
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
    """Return what a message carries, or None where it is text alone."""
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
    """Return the one `Media` of its kind; the same few stand in a whole export."""
    return Media(kind, emoji, seconds)
