"""Converts a message of Telegram's HTML to a `Message`, or to the reason why it is dropped.

The pages are in English whatever the language of the app, so the words searched for here are part of the format. They
hold no edits, no mark of bank cards, and no emoji of a sticker whose picture was exported.
"""

import re
from calendar import timegm
from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from importers.message import Media, Message, Span
from importers.telegram.html_text import line_of, text_of
from importers.telegram.json_message import FIRST_EXPORT, LAST_EXPORT

MIGRATED = -500_000_000
"""Ids from before a migration are shifted by -10^9; those from here to 0 are of the dates between messages."""
DELETED = "Deleted Account"

_NUMBER = re.compile(r"message(-?\d{1,18})$")
_TARGET = re.compile(r"go_to_message(-?\d{1,18})")
_DATE = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d):(\d\d):(\d\d)(?: UTC([+-])(\d\d):(\d\d))?")
_VIA = re.compile(r"\s+via @\w+$")
_LENGTH = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d\d)(?:$|,)")
_CALL = re.compile(r"\((\d+) seconds\)$")
_UNSUPPORTED = "This message is not supported by this version"
_TOPIC = " created topic «"

_WRAPPED = {
    "photo_wrap": "photo",
    "sticker_wrap": "sticker",
    "animated_wrap": "gif",
    "video_file_wrap": "video",
    "media_call": "call",
    "media_poll": "poll",
    "media_photo": "photo",
    "media_video": "video",
    "media_voice_message": "voice",
    "media_audio_file": "audio",
    "media_file": "file",
    "media_contact": "contact",
    "media_location": "location",
    "media_live_location": "location",
    "media_venue": "location",
    "media_game": "game",
    "media_invoice": "invoice",
}
"""CSS classes to kinds of media."""
_TIMED = ("voice", "round", "video", "audio", "call")
_TITLED = {"Sticker": "sticker", "Animation": "gif", "Video message": "round", "Video file": "video"}
"""Titles of media that share a class, to kinds of media."""


@dataclass
class Parsed:
    """The content of one message's block; its sender may be that of an earlier block."""

    name: str | None = None
    """The sender's name; None where the block continues the one before."""
    via_bot: bool = False
    sent_at: int | None = None
    utc_offset: int | None = None
    """Seconds; None where no time zone stands beside the time."""
    forwarded: bool = False
    reply_to: int | None = None
    text: str = ""
    spans: tuple[Span, ...] = ()
    media: Media | None = None


def number_of(block: LexborNode) -> int | None:
    """Return a message's id, or None for other blocks, such as the dates between messages."""
    found = _NUMBER.match(block.id or "")
    number = int(found[1]) if found else None
    return None if number is None or MIGRATED < number < 0 else number


def service_reason(block: LexborNode) -> str:
    """Return why a service block is dropped; an unsupported message looks like one."""
    return "unsupported" if line_of(block).startswith(_UNSUPPORTED) else "service"


def opens_topic(block: LexborNode) -> bool:
    """Tell whether this service block opens a forum topic."""
    return _TOPIC in line_of(block)


def read_block(block: LexborNode) -> Parsed:
    """Return the content of a message's block."""
    parsed = Parsed()
    body = next((node for node in block.iter() if "body" in _classes(node)), None)
    if body is not None:
        _read_body(body, parsed)
    return parsed


def message_of(parsed: Parsed, number: int, chat: str, sender: str, topics: set[int]) -> Message | str:
    """Return the message, or why it is dropped: undated or empty."""
    if parsed.sent_at is None:
        return "undated"
    if not parsed.text and parsed.media is None:
        return "empty"
    return Message(
        chat=chat,
        id=number,
        sent_at=parsed.sent_at,
        sender=sender,
        text=parsed.text,
        media=parsed.media,
        reply_to=None if parsed.reply_to in topics else parsed.reply_to,
        forwarded=parsed.forwarded,
        via_bot=parsed.via_bot,
        spans=parsed.spans,
        utc_offset=parsed.utc_offset,
    )


def _classes(node: LexborNode) -> list[str]:
    return (node.attributes.get("class") or "").split()


def _read_body(body: LexborNode, parsed: Parsed) -> None:
    for node in body.iter():
        classes = _classes(node)
        if "body" in classes and "forwarded" in classes:
            parsed.forwarded = True
            _read_body(node, parsed)
        elif "date" in classes:
            parsed.sent_at, parsed.utc_offset = _sent_at(node.attributes.get("title") or "")
        elif "from_name" in classes:
            _read_name(node, parsed)
        elif "reply_to" in classes:
            parsed.reply_to = _target(node)
        elif "media_wrap" in classes:
            _read_media(node, parsed)
        elif "text" in classes or any(name.startswith("rich_") for name in classes):
            text, spans = text_of(node, rich="text" not in classes)
            if text:  # a caption of white space does not replace a poll's question
                parsed.text, parsed.spans = text, spans


def _read_name(node: LexborNode, parsed: Parsed) -> None:
    """Read the sender's name; in a forwarded body, the name is that of the original sender."""
    own = "".join(text.text_content or "" for text in node.iter(include_text=True) if text.tag == "-text")
    name = " ".join(own.split())
    short = _VIA.sub("", name)
    parsed.via_bot = parsed.via_bot or short != name
    if not parsed.forwarded:
        parsed.name = short or DELETED


def _sent_at(title: str) -> tuple[int | None, int | None]:
    """Return Unix seconds and the UTC offset beside the local time; Telegram writes the zone's standard offset."""
    found = _DATE.match(title)
    if not found:
        return None, None
    numbers = found.groups()
    day, month, year, hour, minute, second = map(int, numbers[:6])
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
        return None, None
    seconds = timegm((year, month, day, hour, minute, second))
    offset = None
    if sign := numbers[6]:
        offset = int(f"{sign}1") * (int(numbers[7]) * 3600 + int(numbers[8]) * 60)
        seconds -= offset
    return (seconds if FIRST_EXPORT <= seconds < LAST_EXPORT else None), offset


def _target(node: LexborNode) -> int | None:
    """Return the id of the message replied to; a reply to another chat has no link."""
    link = node.css_first("a")
    found = _TARGET.search(link.attributes.get("href") or "") if link else None
    return int(found[1]) if found else None


def _read_media(wrap: LexborNode, parsed: Parsed) -> None:
    shown = next(iter(wrap.iter()), None)
    if shown is None:
        return
    classes = _classes(shown)
    kind = next((_WRAPPED[name] for name in classes if name in _WRAPPED), "file")
    title, status = _line_in(shown, ".title"), _line_in(shown, ".status")
    if kind in ("photo", "video"):
        kind = _TITLED.get(title, kind)
    length = _line_in(shown, ".video_duration") or status
    emoji = status.split(",")[0] if kind == "sticker" and not status[:1].isascii() else ""
    parsed.media = Media(kind, emoji, _seconds(length) if kind in _TIMED else None)
    if kind == "poll" and not parsed.text and (question := shown.css_first(".question")):
        parsed.text, parsed.spans = text_of(question)


def _line_in(node: LexborNode, selector: str) -> str:
    found = node.css_first(selector)
    return line_of(found) if found else ""


def _seconds(status: str) -> int | None:
    """Return the duration in a status such as `01:05, 2.3 MB` or, for a call, `Outgoing (65 seconds)`."""
    if call := _CALL.search(status):
        return int(call[1])
    found = _LENGTH.match(status)
    return int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3]) if found else None
