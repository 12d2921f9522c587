"""Texts and media as Telegram Desktop 5 writes them: entities, time stamps, the fields of what was not downloaded."""

import mimetypes
import random
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
NOT_INCLUDED = "(File not included. Change data exporting settings to download.)"

DOCUMENTS = {  # tag: file name, media_type, mime_type, width, height
    "voice": ("", "voice_message", "audio/ogg", 0, 0),
    "sticker": ("sticker.webp", "sticker", "image/webp", 512, 512),
    "gif": ("animation.mp4", "animation", "video/mp4", 480, 360),
    "video": ("video.mp4", "video_file", "video/mp4", 720, 1280),
    "round": ("", "video_message", "video/mp4", 400, 400),
    "file": ("", "", "", 0, 0),
}
ENTITY = re.compile(
    r"\*\*(?P<bold>.+?)\*\*|`(?P<code>[^`]+)`|(?P<link>https?://\S*[\w/])|(?P<email>[\w.+-]+@[\w-]+\.[\w.]*\w)"
    r"|(?<!\w)(?P<mention>@\w{5,})|(?<!\w)(?P<hashtag>#[^\W\d]\w*)"
)


def entities(text: str) -> list[dict[str, str]]:
    """Split a text into Telegram's parts; what is not marked up is `plain`."""
    parts: list[dict[str, str]] = []
    end = 0
    for found in ENTITY.finditer(text):
        if found.start() > end:
            parts.append({"type": "plain", "text": text[end : found.start()]})
        kind = str(found.lastgroup)
        parts.append({"type": kind, "text": found[kind]})
        end = found.end()
    if end < len(text):
        parts.append({"type": "plain", "text": text[end:]})
    return parts


def text_fields(text: str) -> dict[str, Any]:
    """`text` is a string while all of it is plain, a list of strings and parts otherwise."""
    parts = entities(text)
    if all(part["type"] == "plain" for part in parts):
        return {"text": text, "text_entities": parts}
    mixed = [part["text"] if part["type"] == "plain" else part for part in parts]
    return {"text": mixed, "text_entities": parts}


def stamp(key: str, local: datetime) -> dict[str, str]:
    """A time as Telegram Desktop writes it: local without a zone, and the seconds of the epoch as a string."""
    return {key: local.isoformat(), f"{key}_unixtime": str(int(local.replace(tzinfo=LONDON).timestamp()))}


def media_fields(kind: str, value: str, rng: random.Random) -> dict[str, Any]:
    """The fields of an attachment that the user did not download."""
    if kind == "photo":
        size = rng.randint(60_000, 190_000)
        return {"photo": NOT_INCLUDED, "photo_file_size": size, "width": 1280, "height": 960}
    if kind == "location":  # somewhere in the middle of Bristol
        north, east = round(rng.uniform(51.44, 51.46), 6), round(rng.uniform(-2.6, -2.57), 6)
        return {"location_information": {"latitude": north, "longitude": east}}
    if kind == "contact":
        first, _, last = value.partition(" ")
        number = f"+44 7700 900{rng.randint(200, 999)}"  # Ofcom's range for drama
        return {"contact_information": {"first_name": first, "last_name": last, "phone_number": number}}
    return document_fields(kind, value, rng)


def document_fields(kind: str, value: str, rng: random.Random) -> dict[str, Any]:
    """The fields of everything Telegram calls a document: files, stickers, sound and film."""
    name, media_type, mime, width, height = DOCUMENTS[kind]
    if kind == "file":
        name, mime = value, mimetypes.MimeTypes().guess_type(value)[0] or "application/octet-stream"
    seconds = int(value or 3) if kind in ("voice", "video", "round", "gif") else 0
    size = rng.randint(20_000, 90_000) * max(1, seconds // 4)
    fields: dict[str, Any] = {"file": NOT_INCLUDED, "file_name": name, "file_size": size}
    if width:
        fields |= {"thumbnail": NOT_INCLUDED, "thumbnail_file_size": rng.randint(3_000, 15_000)}
    fields |= {"media_type": media_type, "sticker_emoji": value if kind == "sticker" else "", "mime_type": mime}
    fields |= {"duration_seconds": seconds, "width": width, "height": height}
    return {key: given for key, given in fields.items() if given}  # Telegram omits what is empty
