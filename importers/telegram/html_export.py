"""Telegram Desktop's HTML export, of one chat or a whole account; see `importers.source.Export`.

One page of a thousand messages is in memory at a time. The pages hold no ids of people and chats: the id is `NAMED`
and the name, so people of one name are one person, and the reading warns of it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from selectolax.lexbor import LexborNode

from importers.message import NAMED, Chat, ChatKind, Message, Person
from importers.owner import infer_owner, own_only
from importers.source import File, ImportFailure, Reading
from importers.telegram.html_message import message_of, number_of, opens_topic, read_block, service_reason
from importers.telegram.html_pages import (
    Listed,
    Pages,
    account_name,
    beginning,
    chat_ids,
    chats_in,
    heading,
    listing,
    parse,
)

NAMES_ONLY = "HTML exports hold no ids: people of one name are one person, and chats of one name may be"
SAVED = ("Saved messages", "Saved Messages")


@dataclass
class _OpenChat:
    """The chat whose pages are being read."""

    id: str
    listed: Listed | None
    name: str = ""
    sender: str = ""
    via_bot: bool = False
    topics: set[int] = field(default_factory=set)
    senders: Counter[str] = field(default_factory=Counter)

    @property
    def kind(self) -> ChatKind:
        """The kind in the account's list; else a chat of two that has the name of one of them is personal."""
        if self.listed:
            return self.listed.kind
        if self.name in SAVED:
            return "saved"
        return "personal" if f"{NAMED}{self.name}" in self.senders and len(self.senders) <= 2 else "group"


class TelegramHtmlExport:
    """The pages of an export, by their paths below its folder."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self.reading = Reading("telegram")
        self._files = files
        self._chats = chats_in(files)
        self._zoneless = False
        self.notes: list[str] = []
        """What to say about how the export was found."""

    def recognise(self) -> bool:
        """Tell whether Telegram wrote these pages, by the beginning of each until one is recognised."""
        return any(
            beginning(file).css_first("div.history, div.page_body div.message") is not None
            for chat in self._chats
            for _, file in chat.by_number
        )

    def messages(self) -> Iterator[Message]:
        """Read all pages from the first; raises ImportFailure where one cannot be read."""
        self.reading.clear()
        self._zoneless = False
        listed = listing(self._files)
        ids = chat_ids(self._chats)
        owner = account_name(self._files)
        senders: dict[str, Counter[str]] = {}
        own: set[str] = set()
        for pages in self._chats:
            chat = _OpenChat(ids[pages.folder], listed.get(pages.folder))
            yield from self._read_chat(pages, chat, owner)
            senders[chat.id] = chat.senders
            if chat.listed and chat.listed.own_only:
                own.add(chat.id)
        self._finish(senders, owner, own)

    def _read_chat(self, pages: Pages, chat: _OpenChat, owner: str) -> Iterator[Message]:
        self._note_missing(pages)
        for _, file in pages.by_number:
            page, whole = parse(file)
            blocks = page.css("div.history > div.message")
            if not chat.name:
                chat.name = heading(page)
                self.reading.chats[chat.id] = Chat(chat.id, chat.kind, chat.name)
            if not whole:
                blocks = blocks[:-1]
                self.reading.repairs.append(
                    f"{pages.folder or '.'}/{file.name} ends early; the {len(blocks)} complete entries before were kept"
                )
            for block in blocks:
                message = self._read(block, chat, owner)
                if message is not None:
                    yield message
        self.reading.chats[chat.id] = Chat(chat.id, chat.kind, chat.name)

    def _note_missing(self, pages: Pages) -> None:
        if missing := pages.missing:
            numbers = ", ".join(map(str, missing[:10])) + (" and more" if len(missing) > 10 else "")
            self.reading.warnings.append(f"{pages.folder or 'the export'} lacks page {numbers} of its messages")

    def _read(self, block: LexborNode, chat: _OpenChat, owner: str) -> Message | None:
        """Count a block, and return its message, if it has one."""
        number = number_of(block)
        if number is None:
            return None
        self.reading.read += 1
        if "service" in (block.attributes.get("class") or "").split():
            chat.sender = ""
            if opens_topic(block):
                chat.topics.add(number)
            self.reading.dropped[service_reason(block)] += 1
            return None
        parsed = read_block(block)
        if parsed.name is not None:
            chat.sender, chat.via_bot = f"{NAMED}{parsed.name}", parsed.via_bot
        parsed.via_bot = chat.via_bot or parsed.via_bot
        # In Saved Messages, messages of others were forwarded.
        if chat.kind == "saved" and owner and chat.sender != f"{NAMED}{owner}":
            parsed.forwarded = True
        message = message_of(parsed, number, chat.id, chat.sender or NAMED, chat.topics)
        if isinstance(message, str):
            self.reading.dropped[message] += 1
            return None
        self._zoneless = self._zoneless or parsed.utc_offset is None
        self._count(message.sender, chat)
        return message

    def _count(self, sender: str, chat: _OpenChat) -> None:
        self.reading.counts[sender] += 1
        chat.senders[sender] += 1
        if sender not in self.reading.people:
            self.reading.people[sender] = Person(sender, sender.removeprefix(NAMED))

    def _finish(self, senders: dict[str, Counter[str]], owner: str, own: set[str]) -> None:
        """Set what needs all pages: the owner and the warnings."""
        reading = self.reading
        if not reading.read and reading.repairs:
            raise ImportFailure("the export ends before its first complete message", "export it again")
        known = f"{NAMED}{owner}" if f"{NAMED}{owner}" in reading.people else None
        # As in JSON, a personal chat has the id of its partner.
        chats = [replace(c, id=f"{NAMED}{c.name}") for c in reading.chats.values() if c.name not in SAVED]
        if found := infer_owner(
            known, chats, {f"{NAMED}{reading.chats[c].name}": wrote for c, wrote in senders.items()}
        ):
            reading.owner = reading.people.get(found[0]) or Person(found[0], found[0].removeprefix(NAMED))
            reading.owner_how = found[1]
        reading.warnings += own_only(reading.chats.values(), senders, own)
        if reading.read:
            reading.warnings.append(NAMES_ONLY)
        if self._zoneless:
            reading.warnings.append("some messages carry only local time; it is read as UTC")
        reading.warnings += self.notes
