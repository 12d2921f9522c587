"""One message of Telegram's HTML to a `Message`, or to the reason why it is none.

Telegram writes these pages in English whatever its own language, so the few words looked for here are constants of
the format. What the pages do not hold: edits, a sticker's emoji where its picture lies beside, bank cards as such.
"""

import re
from calendar import timegm
from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from importers.message import Media, Message, Span
from importers.telegram.html_text import line_of, text_of
from importers.telegram.json_message import FIRST_EXPORT, LAST_EXPORT

MIGRATED = -500_000_000
"""Ids from before a migration are shifted by -10^9; those between here and 0 number the dates between messages."""
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
"""Classes of what hangs on a message to the kinds of `Media`."""
_TIMED = ("voice", "round", "video", "audio", "call")
_TITLED = {"Sticker": "sticker", "Animation": "gif", "Video message": "round", "Video file": "video"}
"""Titles that tell apart what shares a class."""


@dataclass
class Said:
    """What one message's block holds, before it is known who wrote it."""

    name: str | None = None
    """Who wrote it; None where the block is joined to the one before."""
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
    """Return a message's id, or None for the dates between messages and for what is no message."""
    found = _NUMBER.match(block.id or "")
    number = int(found[1]) if found else None
    return None if number is None or MIGRATED < number < 0 else number


def service_reason(block: LexborNode) -> str:
    """Return the reason under which a service block is dropped; an unsupported message looks like one."""
    return "unsupported" if line_of(block).startswith(_UNSUPPORTED) else "service"


def opens_topic(block: LexborNode) -> bool:
    """Tell whether this is the service block that opens a forum topic."""
    return _TOPIC in line_of(block)


def read_block(block: LexborNode) -> Said:
    """Return what stands in a message's block."""
    said = Said()
    body = next((node for node in block.iter() if "body" in _classes(node)), None)
    if body is not None:
        _read_body(body, said)
    return said


def message_of(said: Said, number: int, chat: str, sender: str, topics: set[int]) -> Message | str:
    """Return the message, or service, undated or empty."""
    if said.sent_at is None:
        return "undated"
    if not said.text and said.media is None:
        return "empty"
    return Message(
        chat=chat,
        id=number,
        sent_at=said.sent_at,
        sender=sender,
        text=said.text,
        media=said.media,
        reply_to=None if said.reply_to in topics else said.reply_to,
        forwarded=said.forwarded,
        via_bot=said.via_bot,
        spans=said.spans,
        utc_offset=said.utc_offset,
    )


def _classes(node: LexborNode) -> list[str]:
    return (node.attributes.get("class") or "").split()


def _read_body(body: LexborNode, said: Said) -> None:
    for node in body.iter():
        classes = _classes(node)
        if "body" in classes and "forwarded" in classes:
            said.forwarded = True
            _read_body(node, said)
        elif "date" in classes:
            said.sent_at, said.utc_offset = _sent_at(node.attributes.get("title") or "")
        elif "from_name" in classes:
            _read_name(node, said)
        elif "reply_to" in classes:
            said.reply_to = _target(node)
        elif "media_wrap" in classes:
            _read_media(node, said)
        elif "text" in classes or any(name.startswith("rich_") for name in classes):
            text, spans = text_of(node, rich="text" not in classes)
            if text:  # a caption of white space does not replace a poll's question
                said.text, said.spans = text, spans


def _read_name(node: LexborNode, said: Said) -> None:
    """Read who wrote it; within a forwarded body it is whom that is from, and after a date it has."""
    own = "".join(text.text_content or "" for text in node.iter(include_text=True) if text.tag == "-text")
    name = " ".join(own.split())
    short = _VIA.sub("", name)
    said.via_bot = said.via_bot or short != name
    if not said.forwarded:
        said.name = short or DELETED


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
    """Return the id replied to; a reply to another chat has no link."""
    link = node.css_first("a")
    found = _TARGET.search(link.attributes.get("href") or "") if link else None
    return int(found[1]) if found else None


def _read_media(wrap: LexborNode, said: Said) -> None:
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
    said.media = Media(kind, emoji, _seconds(length) if kind in _TIMED else None)
    if kind == "poll" and not said.text and (question := shown.css_first(".question")):
        said.text, said.spans = text_of(question)


def _line_in(node: LexborNode, selector: str) -> str:
    found = node.css_first(selector)
    return line_of(found) if found else ""


def _seconds(status: str) -> int | None:
    """Return the duration in a status such as `01:05, 2.3 MB`, of a call `Outgoing (65 seconds)`."""
    if call := _CALL.search(status):
        return int(call[1])
    found = _LENGTH.match(status)
    return int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3]) if found else None
