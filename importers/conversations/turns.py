"""A session as blocks of two alternating roles: the persona, and everybody else."""

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from importers.conversations.reply_context import Addressing
from importers.conversations.sessions import Session, Turn
from importers.filters.reply_filters import Reason, judge, said, without_quotes
from importers.message import Chat, Message, Person
from importers.text.segmentation import beginning, ending, rough_words

CONTEXT_WORDS = 350
"""Words in a block of context; a longer one is cut at its beginning."""
QUOTE_WORDS = 30
"""Words in a quote."""


class Quote(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """A message that is replied to; shown where block `block` of the session, which holds it, is not."""

    block: int
    line: str
    after: bool
    """Whether the quote follows the text of its block: then the persona's reply answers the quote, not the block."""


class Block(msgspec.Struct, array_like=True, gc=False):
    """One turn of the persona (`mine`), or all turns of others between two of those."""

    mine: bool
    text: str
    words: int
    """An estimate, for the size of windows."""
    started: int
    ended: int
    senders: tuple[str, ...] = ()
    """Ids of the senders, other than the persona."""
    quotes: tuple[Quote, ...] = ()
    """Messages further back in the session that are replied to here."""
    trained: bool = False
    """Whether this is a reply to train on."""

    def shown(self, start: int) -> str:
        """Return the text for a window that begins with block `start` of the session."""
        if not self.quotes:
            return self.text
        before = [quote.line for quote in self.quotes if quote.block < start and not quote.after]
        after = [quote.line for quote in self.quotes if quote.block < start and quote.after]
        return "\n".join([*before, self.text, *after])


class JudgedReply(msgspec.Struct, gc=False, frozen=True):
    """A reply of the persona, and why it is not trained on."""

    said: str
    """The persona's own words, without placeholders."""
    bubbles: int
    """Messages in the reply."""
    started: int
    reason: Reason | None
    first: int
    """The id of its first message."""


class BlockBuilder:
    """Turns the sessions of one chat into blocks.

    `show` returns the text of a message for the data set, `name` the name of a person; `sources` are the messages of
    the chat that others reply to, by id. `one_sided` means that the export holds only the persona's own messages.
    """

    def __init__(
        self,
        chat: Chat,
        persona: str,
        people: Mapping[str, Person],
        mode: str,
        *,
        show: Callable[[Message], str],
        name: Callable[[str], str],
        sources: Mapping[int, Message],
        one_sided: bool = False,
    ) -> None:
        self._persona, self._mode, self._one_sided = persona, mode, one_sided
        self._show, self._name, self._sources = show, name, sources
        self._named = chat.kind in ("group", "channel")
        self._addressing = Addressing(persona, people)
        self._places: dict[int, int] = {}
        """Which block of the current session holds a message that others reply to."""
        self._shown: dict[int, str] = {}
        """What such messages say, for when they are quoted."""

    def blocks(self, session: Session) -> tuple[list[Block], list[JudgedReply]]:
        """Return a session's blocks and, in the same order, the persona's replies among them."""
        self._places.clear()
        blocks: list[Block] = []
        judged: list[JudgedReply] = []
        pending: list[Turn] = []
        for turn in session.turns:
            if turn.sender != self._persona:
                pending.append(turn)
                self._place(turn, len(blocks))
                continue
            targets = self._targets(turn)
            spoke = bool(blocks)
            if pending or any(target.id not in self._places for target in targets):
                blocks.append(self._context(pending, targets, len(blocks)))
            block, reply = self._reply(turn, pending, targets, spoke)
            self._place(turn, len(blocks))
            blocks.append(block)
            judged.append(reply)
            pending = []
        if pending:
            blocks.append(self._context(pending, [], len(blocks)))
        return blocks, judged

    def _reply(
        self, turn: Turn, pending: Sequence[Turn], targets: Sequence[Message], spoke: bool
    ) -> tuple[Block, JudgedReply]:
        reason = None
        written: Turn | None = turn
        if self._mode == "balanced":
            written = without_quotes(turn)
            reason = None if written else Reason.QUOTED
        shown = written or turn
        if reason is None:
            # In a group a reply edge decides what is answered; elsewhere all that was said is.
            edges = [Turn(message.sender, (message,)) for message in targets]
            answered = edges if edges and (self._named or not pending) else pending
            reason = self._judge(shown, answered, pending, spoke, bool(edges))
        text = "\n".join([self._content(message) for message in shown.messages])
        started = turn.messages[0].sent_at
        block = Block(True, text, rough_words(text), started, turn.messages[-1].sent_at)
        return block, JudgedReply(said(shown), text.count("\n") + 1, started, reason, turn.messages[0].id)

    def _judge(
        self, turn: Turn, answered: Sequence[Turn], pending: Sequence[Turn], spoke: bool, edge: bool
    ) -> Reason | None:
        reason = judge(turn, answered, self._mode)
        if reason is None and self._one_sided:
            return Reason.NO_CONTEXT
        if reason is None and self._named and self._mode == "balanced":
            edge = edge or any(self._replies_to_persona(t) for t in pending)
            if not self._addressing.is_answer(turn, pending, spoke, edge):
                return Reason.UNADDRESSED
        return reason

    def _context(self, turns: Sequence[Turn], targets: Sequence[Message], place: int) -> Block:
        """Return the block of what others said before a reply, with quotes of replied-to messages not in it."""
        lines: list[str] = []
        quotes: list[Quote] = []
        for turn in turns:
            for target in self._targets(turn):
                self._quote(target, place, lines, quotes, after=False)
            text = "\n".join([self._content(message) for message in turn.messages])
            lines.append(f"{self._name(turn.sender)}: {text}" if self._named else text)
        whole = "\n".join(lines)
        text = ending(whole, CONTEXT_WORDS)
        lines = [text] if turns else []
        for target in targets:
            cut_off = text != whole and self._content(target) not in text
            self._quote(target, -1 if cut_off else place, lines, quotes, after=True)
        text = "\n".join(lines)
        sources = [message for turn in turns for message in turn.messages] or targets
        senders = tuple(dict.fromkeys([message.sender for message in sources]))
        started, ended = sources[0].sent_at, sources[-1].sent_at
        return Block(False, text, rough_words(text), started, ended, senders, tuple(quotes))

    def _quote(self, target: Message, place: int, lines: list[str], quotes: list[Quote], *, after: bool) -> None:
        """Add a quote to `lines` if the session lacks the message, or to `quotes` for windows that begin after it."""
        held = self._places.get(target.id)
        line = f"> {beginning(' '.join(self._content(target).split()), QUOTE_WORDS)}"
        if held is None or place < 0:
            lines.append(line)
        elif held < place:
            quotes.append(Quote(held, line, after))

    def _targets(self, turn: Turn) -> list[Message]:
        """Return the messages that a turn replies to.

        The sender's own messages are left out: the quote would be attributed to the other side.
        """
        found: list[Message] = []
        for message in turn.messages:
            if message.reply_to is not None:
                target = self._sources.get(message.reply_to)
                if target is not None and target.sender != turn.sender and target not in found:
                    found.append(target)
        return found

    def _replies_to_persona(self, turn: Turn) -> bool:
        targets = [self._sources.get(m.reply_to) for m in turn.messages if m.reply_to is not None]
        return any(target is not None and target.sender == self._persona for target in targets)

    def _place(self, turn: Turn, block: int) -> None:
        for message in turn.messages:
            if message.id in self._sources:
                self._places[message.id] = block

    def _content(self, message: Message) -> str:
        if message.id in self._shown:
            return self._shown[message.id]
        text = self._show(message)
        if message.media is not None:
            text = message.media.with_text(text)
        if message.id in self._sources:
            self._shown[message.id] = text
        return text


def sources_of(messages: Collection[Message]) -> dict[int, Message]:
    """Return the messages of a chat that other messages reply to, by id."""
    wanted = {message.reply_to for message in messages}
    return {message.id: message for message in messages if message.id in wanted}
