"""How people and their words appear in a data set: names as they are or pseudonyms, personal data as placeholders."""

from collections.abc import Callable, Iterable, Mapping

from importers.message import Chat, Message, Person
from importers.privacy.pseudonyms import Pseudonyms
from importers.privacy.redaction import Redactor, replaced

NAMED_PARTNERS = 4
"""People of a group that a line names as those the persona talks to; of more, the group's name stands for them."""


class Names:
    """The one place that decides what of a message and of a name is shown."""

    def __init__(self, people: Mapping[str, Person], redactor: Redactor | None, pseudonyms: Pseudonyms | None) -> None:
        self._people, self._redactor, self._pseudonyms = people, redactor, pseudonyms
        self._known: dict[str, str] = {}
        self._chats: dict[str, str] = {}
        self.show: Callable[[Message], str] = self._veiled
        """The text of a message as the data set has it."""
        if not pseudonyms:
            self.show = redactor.redact if redactor else _as_it_is

    def of(self, person: str) -> str:
        """Return the name of a person by id."""
        if person not in self._known:
            name = self._people[person].name if person in self._people else person
            self._known[person] = self._pseudonyms.of(person) if self._pseudonyms else self._without_data(name)
        return self._known[person]

    def of_chat(self, chat: Chat) -> str:
        """Return the name of a chat; that of a personal chat is its partner's."""
        if chat.id not in self._chats:
            of_chat = self._pseudonyms.of_chat(chat) if self._pseudonyms else self._without_data(chat.name)
            self._chats[chat.id] = of_chat
        return self._chats[chat.id]

    def partner(self, chat: Chat, senders: Iterable[str]) -> str:
        """Return whom the persona talks to: the other person, the others who wrote, or the group's name if many did."""
        names = dict.fromkeys(self.of(sender) for sender in dict.fromkeys(senders))
        if len(names) > NAMED_PARTNERS:
            return self.of_chat(chat)
        return ", ".join(names) or self.of_chat(chat)

    def _veiled(self, message: Message) -> str:
        """Return the text of a message with pseudonyms for names, and placeholders for personal data."""
        found = self._redactor.find(message) if self._redactor else []
        for start, end, shown in self._pseudonyms.find(message) if self._pseudonyms else ():
            if not any(start < other_end and other < end for other, other_end, _ in found):
                found.append((start, end, shown))
        return replaced(message.text, sorted(found))

    def _without_data(self, name: str) -> str:
        """Return a name without a number or address that stands in its place."""
        return self._redactor.redact_text(name) if self._redactor else name


def _as_it_is(message: Message) -> str:
    return message.text
