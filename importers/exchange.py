"""A session as an exchange between two roles: the persona's turns, and everybody else's between them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from importers.cleaning import Reason, judge
from importers.message import Chat, Message, Person
from importers.redact import Redactor
from importers.sessions import Session, Turn
from importers.words import beginning, count_words, ending

CONTEXT_WORDS = 350
"""The words of one block of context at most; of a longer one the end is kept."""
NEAR_MESSAGES = 12
"""A message replied to within this many messages is in sight; one further back is quoted."""
QUOTE_WORDS = 30
"""The words of a quote at most."""


@dataclass(slots=True)
class Block:
    """What one side said before the other spoke: one turn of the persona (`mine`), or all turns of others."""

    mine: bool
    text: str
    words: int
    started: int
    ended: int
    senders: tuple[str, ...] = ()
    """Who wrote, other than the persona."""
    said: str = ""
    """A reply's own words, without placeholders of what it carries."""
    reason: Reason | None = None
    """Why the reply is not trained on; None for a trained reply, and without meaning for others' turns."""

    @property
    def trained(self) -> bool:
        """Whether this is a reply to train on."""
        return self.mine and self.reason is None


@dataclass(frozen=True, slots=True)
class Exchange:
    """Blocks of alternating sides, of one session of one chat."""

    chat: Chat
    blocks: tuple[Block, ...]

    @property
    def trained(self) -> int:
        """How many replies are trained on."""
        return sum(block.trained for block in self.blocks)


class Exchanger:
    """Turns the sessions of one chat into exchanges; it knows all messages of the chat, which replies may quote."""

    def __init__(
        self,
        chat: Chat,
        persona: str,
        people: Mapping[str, Person],
        mode: str,
        messages: Iterable[Message],
        redactor: Redactor | None,
    ) -> None:
        self._chat, self._persona, self._people, self._mode = chat, persona, people, mode
        self._messages: dict[int, Message] = {}
        self._shown: dict[int, str] = {}
        self._places: dict[int, int] = {}
        self._first = 0
        """The place of the current session's first message."""
        for place, message in enumerate(messages):
            self._messages[message.id] = message
            self._places[message.id] = place
            text = redactor.redact(message) if redactor else message.text
            self._shown[message.id] = replace(message, text=text, spans=()).content

    def exchange(self, session: Session) -> Exchange:
        """Return a session's blocks, each reply with the reason why it is not trained on, if there is one."""
        self._first = self._places[session.turns[0].messages[0].id]
        blocks: list[Block] = []
        pending: list[Turn] = []
        for turn in session.turns:
            if turn.sender != self._persona:
                pending.append(turn)
                continue
            quoted = self._quoted(turn)
            if pending or quoted:
                blocks.append(self._context(pending, quoted))
            answered = pending or [Turn(message.sender, (message,)) for message in quoted]
            blocks.append(self._reply(turn, judge(turn, answered, self._mode)))
            pending = []
        if pending:
            blocks.append(self._context(pending, []))
        return Exchange(self._chat, tuple(blocks))

    def _reply(self, turn: Turn, reason: Reason | None) -> Block:
        text = "\n".join(self._shown[message.id] for message in turn.messages)
        return Block(
            mine=True,
            text=text,
            words=count_words(text),
            started=turn.messages[0].sent_at,
            ended=turn.messages[-1].sent_at,
            said="\n".join(message.text for message in turn.messages if message.text),
            reason=reason,
        )

    def _context(self, turns: Sequence[Turn], quoted: Sequence[Message]) -> Block:
        """Join what others said before a reply, and quote what the reply answers from further back."""
        named = self._chat.kind in ("group", "channel")
        lines: list[str] = []
        for turn in turns:
            lines.extend(self._quote(message) for message in self._quoted(turn))
            text = "\n".join(self._shown[message.id] for message in turn.messages)
            lines.append(f"{self._name(turn.sender)}: {text}" if named else text)
        lines.extend(self._quote(message) for message in quoted)
        text = ending("\n".join(lines), CONTEXT_WORDS)
        sources = [message for turn in turns for message in turn.messages] or quoted
        return Block(
            mine=False,
            text=text,
            words=count_words(text),
            started=sources[0].sent_at,
            ended=sources[-1].sent_at,
            senders=tuple(dict.fromkeys(message.sender for message in sources)),
        )

    def _quoted(self, turn: Turn) -> list[Message]:
        """Return the messages that a turn replies to and that are out of sight.

        What a turn's own sender wrote is not quoted: it would stand in the other side's mouth.
        """
        found: list[Message] = []
        for message in turn.messages:
            target = self._messages.get(message.reply_to) if message.reply_to is not None else None
            if target is None or target.sender == turn.sender or target in found:
                continue
            place = self._places[target.id]
            if place < self._first or self._places[message.id] - place > NEAR_MESSAGES:
                found.append(target)
        return found

    def _quote(self, message: Message) -> str:
        line = " ".join(self._shown[message.id].split())
        return f"> {beginning(line, QUOTE_WORDS)}"

    def _name(self, person: str) -> str:
        return self._people[person].name if person in self._people else person
