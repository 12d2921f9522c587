"""One chat of a Telegram export while it is read: its id, its senders, and the count of its messages."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET

from importers.message import Chat, Message, Person
from importers.source import Reading
from importers.telegram.json_fields import Fields
from importers.telegram.json_message import (
    Header,
    chat_identity,
    opens_topic,
    person_id,
    person_name,
    read_message,
)
from importers.telegram.media import CALL


@dataclass
class OpenChat:
    """The chat whose messages are being read; `chat` is set at the first sender, whose id tells the era of ids."""

    header: Header
    chat: Chat | None = None
    place: str = ""
    """The chat's id; empty until `chat` is set."""
    senders: Counter[str] = field(default_factory=Counter)
    local: bool = False
    """Whether local time was read as UTC."""
    zoned: bool = False
    """Whether local time was read with the UTC offset of an earlier message."""
    _own_ids: frozenset[Any] = frozenset()
    _topics: set[int] = field(default_factory=set)
    _ids: dict[str, str] = field(default_factory=dict)
    _names: dict[str, Any] = field(default_factory=dict)
    _zone: int | None = None
    """The UTC offset of the latest message that has one."""

    def read(self, run: Sequence[Fields | None], reading: Reading) -> list[Message]:
        """Return the messages of these message objects, and count all of them in `reading`."""
        messages = []
        for fields in run:
            message = "unsupported" if fields is None else self._read(fields, reading)
            if type(message) is Message:
                messages.append(message)
            else:
                reading.dropped[str(message)] += 1
        reading.read += len(run)
        met = Counter([message.sender for message in messages])
        self.senders.update(met)
        reading.counts.update(met)
        return messages

    def settle(self, reading: Reading, *, shifted: bool) -> None:
        """Set the chat and its id; `shifted` tells that the ids are of the era with shifted ids."""
        self.place, kind = chat_identity(self.header, shifted=shifted)
        name = "Saved Messages" if kind == "saved" else person_name(self.header.name, self.place)
        self.chat = reading.chats.setdefault(self.place, Chat(self.place, kind, name))
        self._own_ids = frozenset((self.place, self.header.id, str(self.header.id)))

    def _read(self, fields: Fields, reading: Reading) -> Message | str:
        identity, name = fields.from_id, fields.from_
        sender = self._ids.get(identity) if type(identity) is str else None
        if sender is None:
            sender = self._sender(fields, reading)
        if fields.action is not None and opens_topic(fields):
            self._topics.add(fields.id)
        local_only = fields.date_unixtime is None
        zone = self._zone if local_only else None
        message = read_message(fields, self.place, sender, self._own_ids, self._topics, zone)
        if type(message) is not Message:
            return message
        if local_only:
            self.local, self.zoned = self.local or zone is None, True
        elif message.utc_offset is not None:
            self._zone = message.utc_offset
        if name is None:
            name = fields.actor
        if self._names.get(sender, UNSET) != name:
            self._add_person(sender, name, reading.people)
        return message

    def _sender(self, fields: Fields, reading: Reading) -> str:
        """Return the id of a message's sender, and set the chat if this is the first."""
        identity = fields.from_id if fields.from_id is not UNSET else fields.actor_id
        name = fields.from_ if fields.from_ is not None else fields.actor
        if self.chat is None and (identity is not None or fields.type == "message" or fields.action == CALL):
            self.settle(reading, shifted=isinstance(identity, int))
        sender = person_id(identity, name, self.header, self.place)
        if isinstance(identity, str) and identity:
            self._ids[identity] = sender
        return sender

    def _add_person(self, sender: str, name: Any, people: dict[str, Person]) -> None:
        """Store the name of a sender; the latest one counts."""
        self._names[sender] = name
        known = people.get(sender)
        if known is None or (isinstance(name, str) and name and known.name != name):
            people[sender] = Person(sender, person_name(name, sender))
