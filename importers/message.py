"""The one vocabulary every platform's export is turned into: people, chats, messages and what hangs on them."""

from dataclasses import dataclass
from typing import Literal

ChatKind = Literal["personal", "group", "channel", "bot", "saved"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who wrote; `id` identifies them within a platform (`user123`), `name` is what is shown."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Chat:
    """One conversation of the export; `id` is unique within a platform."""

    id: str
    kind: ChatKind
    name: str


@dataclass(frozen=True, slots=True)
class Media:
    """What a message carries besides text.

    `kind` is one of photo, voice, round, sticker, gif, video, audio, file, contact, location, poll, game, invoice,
    list.
    """

    kind: str
    emoji: str = ""
    seconds: int | None = None

    @property
    def placeholder(self) -> str:
        """The language-neutral form that stands in a conversation: `[photo]`, `[voice 0:12]`, a sticker's emoji."""
        if self.kind == "sticker" and self.emoji:
            return self.emoji
        if self.seconds is not None:
            return f"[{self.kind} {self.seconds // 60}:{self.seconds % 60:02d}]"
        return f"[{self.kind}]"


@dataclass(frozen=True, slots=True)
class Span:
    """A marked stretch of a message's text, `text[start:end]`.

    `kind` is the platform-neutral name of the mark: link, mention, command, hashtag, email, phone, card, code, quote.
    """

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message as its sender sent it.

    `chat` and `sender` are ids; (`chat`, `id`) is unique within a platform. Times are Unix seconds in UTC; where the
    export gives only local time, that local time read as UTC. `reply_to` is the id of a message of the same chat.
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

    @property
    def content(self) -> str:
        """What the message says in a conversation: the media's placeholder and the text, a line each."""
        if self.media is None:
            return self.text
        return f"{self.media.placeholder}\n{self.text}" if self.text else self.media.placeholder
