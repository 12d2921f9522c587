"""Telegram Desktop's `result.json`: one chat, a list of chats, or a whole account, of any version since 2018.

The file is streamed: memory does not grow with it. Keys may stand in any order, though Telegram writes a chat's
header before its messages; where it does not, the file is read twice.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from importers.jsonstream import JsonStream, Malformed, Truncated
from importers.message import Chat, Message, Person
from importers.owner import infer_owner
from importers.reading import ImportFailure, Reading
from importers.telegram_message import chat_identity, opens_topic, person_id, person_name, read_message

_HEADER = ("name", "type", "id")
_REPAIRS = {
    "escape": "control characters that Telegram wrote as \\x.. were read as \\u00..",
    "document_id": "a document_id that Telegram wrote without quotes was quoted",
}
OWN_ONLY = 20
"""Messages of one single sender in a group from which on its export held "only my messages"."""


class NotTelegram(Exception):
    """The file is JSON, but no Telegram export."""


@dataclass
class _OpenChat:
    """What is known of the chat whose messages are being read; `chat` is settled by the first id met in it."""

    header: dict[str, Any]
    chat: Chat | None = None
    own_ids: set[Any] = field(default_factory=set)
    topics: set[int] = field(default_factory=set)
    senders: Counter[str] = field(default_factory=Counter)


@dataclass
class _Walk:
    """One pass over the document: finds the chats, and whose account it is."""

    stream: JsonStream
    look_ahead: Callable[[], list[dict[str, Any]]]
    """Finds the headers of all chats, in the order of the file, for a chat whose messages stand before its id."""
    headers_only: bool = False
    headers: list[dict[str, Any]] = field(default_factory=list)
    account: dict[str, Any] = field(default_factory=dict)
    recognised: bool = False

    def messages(self) -> Iterator[tuple[dict[str, Any], Any]]:
        """Yield each message object with the header of its chat; the same header object for the same chat."""
        if self.stream.peek() == "[":
            for _ in self.stream.elements():
                yield from self._object()
        else:
            yield from self._object()
        self.stream.finish()
        if not self.recognised:
            raise NotTelegram

    def _object(self) -> Iterator[tuple[dict[str, Any], Any]]:
        if self.stream.peek() not in ("{", ""):
            self.stream.skip()
            return
        header: dict[str, Any] = {}
        for key in self.stream.members():
            if key in _HEADER:
                header[key] = self.stream.value()
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

    def _list(self) -> Iterator[tuple[dict[str, Any], Any]]:
        """Read `chats`: an object with a text about them and their list; merged files may hold the list itself."""
        if self.stream.peek() == "[":
            for _ in self.stream.elements():
                yield from self._object()
            return
        for key in self.stream.members():
            if key == "list" and self.stream.peek() == "[":
                yield from self._list()
            else:
                self.stream.skip()

    def _chat(self, header: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
        self.headers.append(header)
        if self.headers_only:
            self.stream.skip()
            return
        if "id" not in header:
            header.update(self.look_ahead()[len(self.headers) - 1])
        if not isinstance(header.get("id"), int | str):
            raise NotTelegram
        self.recognised = True
        for _ in self.stream.elements():
            yield header, self.stream.value()


class TelegramExport:
    """A `result.json`; see `importers.reading.Export`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reading = Reading("telegram")
        self._open: dict[int, _OpenChat] = {}
        self._local_time = False

    def recognise(self) -> bool:
        """Tell whether the file is a Telegram export, reading no further than its first message."""
        with self.path.open("rb") as file:
            try:
                next(_Walk(JsonStream(file), self._headers).messages(), None)
            except NotTelegram:
                return False
            except Malformed as error:
                raise self._broken(error) from None
            except Truncated:
                raise self._cut_off() from None
        return True

    def messages(self) -> Iterator[Message]:
        """Read the file from its beginning; raises ImportFailure where it is not JSON."""
        self.reading.clear()
        self._open.clear()
        self._local_time = False
        with self.path.open("rb") as file:
            stream = JsonStream(file)
            walk = _Walk(stream, self._headers)
            try:
                for header, raw in walk.messages():
                    message = self._read(header, raw)
                    if message is not None:
                        yield message
            except NotTelegram:
                hint = "export it again from Telegram Desktop as JSON"
                raise ImportFailure(f"{self.path.name} holds a chat without an id", hint) from None
            except Malformed as error:
                raise self._broken(error) from None
            except Truncated:
                self._note_truncated()
            self._finish(walk, stream)

    def _headers(self) -> list[dict[str, Any]]:
        """Read the whole file once for its chats' headers alone."""
        with self.path.open("rb") as file:
            walk = _Walk(JsonStream(file), list, headers_only=True)
            try:
                for _ in walk.messages():
                    pass
            except (NotTelegram, Truncated):
                pass  # the pass that reads messages will meet the same end, and report it
            return walk.headers

    def _read(self, header: dict[str, Any], raw: Any) -> Message | None:
        """Account for one message object, and return the message in it if there is one to keep."""
        self.reading.read += 1
        chat = self._open.get(id(header)) or self._open.setdefault(id(header), _OpenChat(header))
        fields = raw if isinstance(raw, dict) else {}
        identity, name = fields.get("from_id", fields.get("actor_id")), fields.get("from")
        if chat.chat is None and (identity is not None or fields.get("type", "message") == "message"):
            self._settle(chat, shifted=isinstance(identity, int))
        if opens_topic(raw) and isinstance(raw.get("id"), int):
            chat.topics.add(raw["id"])
        place = chat.chat.id if chat.chat else ""
        sender = person_id(identity, name, header, place)
        message = read_message(raw, place, sender, chat.own_ids, chat.topics)
        if isinstance(message, str):
            self.reading.dropped[message] += 1
            return None
        self._meet(sender, name)
        chat.senders[sender] += 1
        self._local_time = self._local_time or "date_unixtime" not in raw
        return message

    def _settle(self, chat: _OpenChat, *, shifted: bool) -> None:
        """Fix the chat's id, now that the era of the export's ids is known."""
        place, kind = chat_identity(chat.header, shifted=shifted)
        name = "Saved Messages" if kind == "saved" else person_name(chat.header.get("name"), place)
        chat.chat = self.reading.chats.setdefault(place, Chat(place, kind, name))
        chat.own_ids = {place, chat.header["id"], str(chat.header["id"])}

    def _meet(self, person: str, name: Any) -> None:
        self.reading.counts[person] += 1
        known = self.reading.people.get(person)
        if known is None or (isinstance(name, str) and name and known.name != name):
            self.reading.people[person] = Person(person, person_name(name, person))

    def _finish(self, walk: _Walk, stream: JsonStream) -> None:
        """Draw the conclusions that need the whole file: chats without messages, the owner, what to warn of."""
        senders: dict[str, Counter[str]] = {}
        for header in walk.headers:
            chat = self._open.get(id(header)) or _OpenChat(header)
            if chat.chat is None and "id" in header:
                self._settle(chat, shifted=False)
            if chat.chat is not None:
                senders.setdefault(chat.chat.id, Counter()).update(chat.senders)
        self.reading.repairs += [f"{_REPAIRS[what]} ({count})" for what, count in stream.repairs.items()]
        self._find_owner(walk.account, senders)
        for place, wrote in senders.items():
            known = self.reading.chats[place]
            if known.kind == "group" and len(wrote) == 1 and wrote.total() > OWN_ONLY:
                self.reading.warnings.append(
                    f"{known.name}: only one person's messages were exported, so there is nothing they answer"
                )
        if self._local_time:
            self.reading.warnings.append("some messages carry only local time; it is read as UTC")

    def _find_owner(self, account: dict[str, Any], senders: dict[str, Counter[str]]) -> None:
        user = account.get("user_id")
        known = person_id(user, None, {}, "") if isinstance(user, int | str) and user else None
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
        return ImportFailure(f"{self.path.name} ends before its first complete message", "export it again")

    def _broken(self, error: Malformed) -> ImportFailure:
        place = f"line {error.line}, column {error.column}"
        return ImportFailure(
            f"{self.path.name} is not valid JSON: {error.what} in {place}", "export it again, or mend that line"
        )
