"""Telegram Desktop's `result.json`: a chat, a list of chats, or an account, of any version since 2018.

The file is streamed, so memory does not grow with it. A file whose messages precede the header of their chat is read
twice.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from importers.json_stream.values import JsonStream, Malformed, Truncated
from importers.message import Message, Person
from importers.owner import infer_owner, own_only
from importers.source import File, ImportFailure, Reading
from importers.telegram.json_chat import OpenChat
from importers.telegram.json_fields import RUN, Fields, fields_of
from importers.telegram.json_message import Header, person_id, person_name

_REPAIRS = {
    "escape": "control characters that Telegram wrote as \\x.. were read as \\u00..",
    "utf8": "bytes that are not UTF-8 were replaced",
    "document_id": "a document_id that Telegram wrote without quotes was quoted",
}


class _Nothing(msgspec.Struct, gc=False):
    """An object without fields, to skip objects."""


_SKIPPED = msgspec.json.Decoder(list[_Nothing])
Run = Sequence[Fields | None]
"""Consecutive message objects; None for a value that is not an object."""


class NotTelegram(Exception):
    """The file is JSON, but not a Telegram export."""


@dataclass
class _Walk:
    """One pass over the document, which finds the chats and the account."""

    stream: JsonStream
    look_ahead: Callable[[], list[Header]]
    """Returns the headers of all chats, in the order of the file, for a chat whose messages precede its id."""
    headers_only: bool = False
    chats: list[OpenChat] = field(default_factory=list)
    account: dict[str, Any] = field(default_factory=dict)
    recognised: bool = False

    def runs(self) -> Iterator[tuple[OpenChat, Run]]:
        """Yield runs of message objects, each with its chat."""
        if self.stream.peek() == "[":
            for _ in self.stream.elements():
                yield from self._object()
        else:
            yield from self._object()
        self.stream.finish()
        if not self.recognised:
            raise NotTelegram

    def _object(self) -> Iterator[tuple[OpenChat, Run]]:
        if self.stream.peek() not in ("{", ""):
            self.stream.skip()
            return
        header = Header()
        for key in self.stream.members():
            if key in Header.__struct_fields__:
                setattr(header, key, self.stream.value())
            elif key == "messages" and self.stream.peek() == "[":
                yield from self._chat(header)
            elif key in ("chats", "left_chats") and self.stream.peek() in ("{", "["):
                self.recognised = True
                yield from self._list()
            elif key == "personal_information" and self.stream.peek() == "{":
                self.account = self.stream.value()
                self.recognised = True
            else:
                self.stream.skip()

    def _list(self) -> Iterator[tuple[OpenChat, Run]]:
        """Read `chats`: an object with a list, or in merged files the list itself."""
        if self.stream.peek() == "[":
            for _ in self.stream.elements():
                yield from self._object()
            return
        for key in self.stream.members():
            if key == "list" and self.stream.peek() == "[":
                yield from self._list()
            else:
                self.stream.skip()

    def _chat(self, header: Header) -> Iterator[tuple[OpenChat, Run]]:
        chat = OpenChat(header)
        self.chats.append(chat)
        if self.headers_only:
            for _ in self.stream.elements():
                if not self.stream.run(_SKIPPED):
                    self.stream.skip()
            return
        if header.id is None:
            ahead = self.look_ahead()[len(self.chats) - 1]
            header.name, header.type, header.id = ahead.name, ahead.type, ahead.id
        if not isinstance(header.id, int | str):
            raise NotTelegram
        self.recognised = True
        for _ in self.stream.elements():
            run = self.stream.run(RUN)
            yield chat, run if run else [self._single()]

    def _single(self) -> Fields | None:
        value = self.stream.value()
        return fields_of(value) if isinstance(value, dict) else None


class TelegramExport:
    """A `result.json`; see `importers.source.Export`."""

    def __init__(self, path: File) -> None:
        self.path = path
        self.reading = Reading("telegram")
        self.notes: list[str] = []
        """What to say about how the export was found."""

    def recognise(self) -> bool:
        """Tell whether the file is a Telegram export, by everything up to its first message."""
        with self.path.open("rb") as file:
            try:
                next(_Walk(JsonStream(file), self._headers).runs(), None)
            except NotTelegram:
                return False
            except Malformed as error:
                raise self._broken(error) from None
            except Truncated:
                raise self._cut_off() from None
        return True

    def messages(self) -> Iterator[Message]:
        """Read the file from its beginning; raises ImportFailure where it is not valid JSON."""
        self.reading.clear()
        with self.path.open("rb") as file:
            stream = JsonStream(file)
            walk = _Walk(stream, self._headers)
            try:
                for chat, run in walk.runs():
                    yield from chat.read(run, self.reading)
            except NotTelegram:
                hint = "export it again from Telegram Desktop as JSON"
                raise ImportFailure("{name} holds a chat without an id", hint, name=self.path.name) from None
            except Malformed as error:
                raise self._broken(error) from None
            except Truncated:
                self._note_truncated()
            self._finish(walk, stream)

    def _headers(self) -> list[Header]:
        """Read the whole file for the headers of its chats."""
        with self.path.open("rb") as file:
            walk = _Walk(JsonStream(file), list, headers_only=True)
            try:
                for _ in walk.runs():
                    pass
            except (NotTelegram, Truncated):
                pass  # reported by the pass that reads messages
            return [chat.header for chat in walk.chats]

    def _finish(self, walk: _Walk, stream: JsonStream) -> None:
        """Set what needs the whole file: chats without messages, the owner, repairs and warnings."""
        senders: dict[str, Counter[str]] = {}
        for chat in walk.chats:
            if chat.chat is None and chat.header.id is not None:
                chat.settle(self.reading, shifted=False)
            if chat.chat is not None:
                senders.setdefault(chat.chat.id, Counter()).update(chat.senders)
        self.reading.repairs += [f"{_REPAIRS[what]} ({count})" for what, count in stream.repairs.items()]
        self._find_owner(walk.account, senders)
        self.reading.warnings += own_only(self.reading.chats.values(), senders)
        self._warn_of_local_time(walk.chats)
        self.reading.warnings += self.notes

    def _warn_of_local_time(self, chats: Sequence[OpenChat]) -> None:
        if any(chat.local for chat in chats):
            self.reading.warnings.append("some messages carry only local time; it is read as UTC")
        elif any(chat.zoned for chat in chats):
            self.reading.warnings.append(
                "some messages carry only local time; it is read in the zone of the one before"
            )

    def _find_owner(self, account: dict[str, Any], senders: dict[str, Counter[str]]) -> None:
        user = account.get("user_id")
        known = person_id(user, None, Header(), "") if isinstance(user, int | str) and user else None
        found = infer_owner(known, self.reading.chats.values(), senders)
        if found is None:
            return
        owner, self.reading.owner_how = found
        names = (account.get("first_name"), account.get("last_name"))
        name = " ".join(part for part in names if isinstance(part, str) and part)
        self.reading.owner = self.reading.people.get(owner) or Person(owner, person_name(name, owner))

    def _note_truncated(self) -> None:
        if not self.reading.read:
            raise self._cut_off()
        self.reading.repairs.append(
            f"the file ends in the middle of a message; the {self.reading.read} complete ones before it were kept"
        )

    def _cut_off(self) -> ImportFailure:
        return ImportFailure("{name} ends before its first complete message", "export it again", name=self.path.name)

    def _broken(self, error: Malformed) -> ImportFailure:
        return ImportFailure(
            "{name} is not valid JSON: {why} in line {line}, column {column}",
            "export it again, or fix that line",
            name=self.path.name,
            why=error.what,
            line=error.line,
            column=error.column,
        )
