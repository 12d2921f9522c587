"""The vocabulary of all platforms: people, chats, messages and their media."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec

ChatKind = Literal["personal", "group", "channel", "bot", "saved"]
NAMED = "name:"
"""Prefix of ids that are made of a name, for exports that hold no ids."""
EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Person:
    """A sender; `id` is unique within a platform (`user123`), `name` is shown."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat of an export; `id` is unique within a platform."""

    id: str
    kind: ChatKind
    name: str


@dataclass(frozen=True, slots=True)
class Media:
    """What a message holds besides text.

    `kind` is one of photo, voice, round, sticker, gif, video, audio, file, contact, location, poll, game, invoice,
    list, giveaway, call.
    """

    kind: str
    emoji: str = ""
    seconds: int | None = None

    @property
    def placeholder(self) -> str:
        """Its language-neutral form in a conversation: `[photo]`, `[voice 0:12]`, a sticker's emoji."""
        if self.kind == "sticker" and self.emoji:
            return self.emoji
        if self.seconds is not None:
            return f"[{self.kind} {self.seconds // 60}:{self.seconds % 60:02d}]"
        return f"[{self.kind}]"

    def with_text(self, text: str) -> str:
        """Return the placeholder and a message's text, a line each."""
        return f"{self.placeholder}\n{text}" if text else self.placeholder


# Messages and spans are structs: a frozen dataclass takes ten times as long to create, and exports have a million.
class Span(msgspec.Struct, frozen=True, gc=False):
    """A marked part of a message's text, `text[start:end]`.

    `kind` is one of link, mention, command, hashtag, email, phone, card, code, quote.
    """

    kind: str
    start: int
    end: int


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message of a chat.

    `chat` and `sender` are ids; (`chat`, `id`) is unique within a platform. Times are Unix seconds in UTC. `reply_to`
    is the id of a message of the same chat.

    `utc_offset` is how far the exporter's clock was ahead of UTC when the message was sent, in seconds; the exporter
    is usually the owner of the account. It is None where the export gives one clock only: then `sent_at` is local time
    read as UTC (Telegram before 2022 wrote no more), or UTC without any local time.
    """

    chat: str
    id: int
    sent_at: int
    sender: str
    text: str
    media: Media | None = None
    reply_to: int | None = None
    edited_at: int | None = None
    forwarded: bool = False
    via_bot: bool = False
    spans: tuple[Span, ...] = ()
    utc_offset: int | None = None

    @property
    def day(self) -> date:
        """The local date on which it was sent; that of `sent_at` in UTC where `utc_offset` is None."""
        return date.fromordinal(EPOCH_DAY + (self.sent_at + (self.utc_offset or 0)) // 86_400)

    @property
    def content(self) -> str:
        """The message in a conversation: the media's placeholder and the text, a line each."""
        return self.text if self.media is None else self.media.with_text(self.text)
