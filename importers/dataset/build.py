"""Conversations to a data set: lines of the OpenAI chat format, with weights, and split in time.

- Every trained reply of the persona has weight 1 in exactly one line; a reply with a reason stays as context, weight 0.
- A line never mixes chats or sessions. Long sessions become several lines whose beginnings repeat the context before.
- The last tenth of each chat's sessions is for evaluation, and holds nothing that nearly stands in the training part.
- `report`: `total = trained + sum(untrained)` counts the persona's turns, and `trained = train + eval`.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from importers.conversations.context_windows import Window, windows
from importers.conversations.sessions import learn_gap, split_sessions
from importers.conversations.split import SessionReplies, Split, split_in_time
from importers.conversations.turns import Block, BlockBuilder, sources_of
from importers.dataset.packed_sessions import Conversations
from importers.dataset.reply_table import Ledger
from importers.dataset.report import DataReport
from importers.dataset.report_builder import Account
from importers.filters.chat_balance import SHARE, limit, put_aside
from importers.filters.near_duplicates import crossing, leaders
from importers.filters.reply_filters import FILTERS, Reason, thin
from importers.message import Chat, Message, Person
from importers.privacy.anonymize import Names
from importers.privacy.pseudonyms import Pseudonyms
from importers.privacy.redaction import Redactor
from importers.source import ImportFailure

__all__ = ["DataReport", "DataSet", "Example", "build"]


@dataclass(frozen=True, slots=True)
class Example:
    """One line: a stretch of one session. `messages` are (role, content, weight), weight None for others' turns."""

    messages: tuple[tuple[str, str, int | None], ...]
    meta: dict[str, Any]

    @property
    def trained(self) -> int:
        """How many replies of this line are trained on."""
        return sum(weight == 1 for _, _, weight in self.messages)

    def line(self) -> dict[str, Any]:
        """Return the line's JSON object, without a system turn."""
        turns = []
        for role, content, weight in self.messages:
            turn: dict[str, Any] = {"role": role, "content": content}
            turns.append(turn if weight is None else {**turn, "weight": weight})
        return {"messages": turns, "meta": self.meta}


class Lines(Iterable[Example]):
    """One part of a data set; each line is made while it is asked for, so that they are never all in memory."""

    def __init__(
        self, talks: Conversations, ledger: Ledger, names: Names, division: Split, *, evaluation: bool
    ) -> None:
        self._talks, self._ledger, self._names, self._division = talks, ledger, names, division
        self._evaluation = evaluation

    def __iter__(self) -> Iterator[Example]:
        for session in range(len(self._talks)):
            if session != self._division.session and (session in self._division.evaluation) != self._evaluation:
                continue
            if not any(self._ledger.is_trained(number) for number in self._talks.replies(session)):
                continue
            chat, blocks = self._talks.open(session, self._ledger.is_trained)
            start, end = self._stretch(session, blocks)
            for window in windows(blocks[:end], start):
                yield _example(chat, blocks, window, self._names)

    def _stretch(self, session: int, blocks: list[Block]) -> tuple[int, int]:
        """Return which blocks of a session belong to this part."""
        if session != self._division.session:
            return 0, len(blocks)
        own = [place for place, block in enumerate(blocks) if block.mine]
        # The cut stands before what the first reply for evaluation answers.
        cut = max(own[self._division.first - self._talks.replies(session).start] - 1, 0)
        return (cut, len(blocks)) if self._evaluation else (0, cut)


@dataclass
class DataSet:
    """Lines to train on, lines to evaluate with, and the account of both."""

    train: Iterable[Example]
    eval: Iterable[Example]
    report: DataReport


def build(
    chats: Iterable[tuple[Chat, Iterable[Message]]],
    persona: str,
    people: Mapping[str, Person],
    *,
    filter: str = "balanced",
    redactor: Redactor | None,
    pseudonyms: Pseudonyms | None = None,
    share: float = SHARE,
) -> DataSet:
    """Make the data set of the person with id `persona`; the messages of a chat come in order, one chat at a time.

    `share` of the trained replies is what one chat may give, within the bounds of `importers.filters.chat_balance`.
    """
    if filter not in FILTERS:
        raise ImportFailure(f'unknown filter "{filter}"', f"choose one of {', '.join(FILTERS)}")
    talks, ledger, account = Conversations(), Ledger(), Account(filter)
    names = Names(people, redactor, pseudonyms)
    for chat, messages in chats:
        _read(chat, deque(messages), persona, people, filter, names, talks, ledger, account)
    aside: Counter[str] = Counter()
    if filter == "balanced":
        _thin(ledger)
        aside = _balance(ledger, talks, share)
    division = split_in_time(_counted(talks, ledger))
    if filter == "balanced":
        _part(ledger, division)
    report = account.report(ledger, talks, division, aside, redactor, share if filter == "balanced" else 1.0)
    train, evaluation = (Lines(talks, ledger, names, division, evaluation=part) for part in (False, True))
    return DataSet(train, evaluation, report)


def _read(
    chat: Chat,
    messages: deque[Message],
    persona: str,
    people: Mapping[str, Person],
    filter: str,
    names: Names,
    talks: Conversations,
    ledger: Ledger,
    account: Account,
) -> None:
    """Take in one chat: its sessions packed, its replies in the ledger, its numbers in the account."""
    gap = learn_gap([message.sent_at for message in messages])
    mine = sum(message.sender == persona for message in messages)
    builder = BlockBuilder(
        chat,
        persona,
        people,
        filter,
        show=names.show,
        name=names.of,
        sources=sources_of(messages),
        one_sided=chat.kind in ("group", "channel") and mine == len(messages),
    )
    account.begin(chat, names.of_chat(chat), len(messages), mine, gap)
    for session in split_sessions(messages, gap):
        blocks, judged = builder.blocks(session)
        number = talks.add(chat, blocks, len(judged))
        for reply in judged:
            ledger.add(number, reply)


def _thin(ledger: Ledger) -> None:
    """Give the reason to those replies, over all chats in time, that repeat too often."""
    replies = sorted(ledger.trained(), key=ledger.started.__getitem__)
    sets = {number: found for number in replies if (found := ledger.word_set(number)) is not None}
    leader = leaders(sets)
    # A reply that is nearly another is counted as the other.
    sayings = [ledger.saying(leader.get(number, number)) for number in replies]
    for place, reason in thin(sayings).items():
        ledger.give(replies[place], reason)


def _balance(ledger: Ledger, talks: Conversations, share: float) -> Counter[str]:
    """Give the reason to what a dominating chat has beyond its share, and return how much that is of each chat."""
    by_chat: dict[str, list[int]] = {}
    for number in ledger.trained():
        by_chat.setdefault(talks.chat(ledger.session[number]).id, []).append(number)
    keep = limit({chat: len(numbers) for chat, numbers in by_chat.items()}, share)
    aside: Counter[str] = Counter()
    for chat, numbers in by_chat.items() if keep is not None else ():
        for place in put_aside(chat, [ledger.first[number] for number in numbers], keep or 0):
            ledger.give(numbers[place], Reason.BALANCE)
            aside[chat] += 1
    return aside


def _counted(talks: Conversations, ledger: Ledger) -> list[SessionReplies]:
    return [
        SessionReplies(session, talks.chat(session).id, tuple(filter(ledger.is_trained, talks.replies(session))))
        for session in range(len(talks))
    ]


def _part(ledger: Ledger, division: Split) -> None:
    """Give the reason to those replies for evaluation that nearly stand in the training part."""
    sets: dict[int, Sequence[int]] = {}
    others: list[Sequence[int]] = []
    for number in ledger.trained():
        found = ledger.word_set(number)
        if found is None:
            continue
        if division.is_evaluation(number, ledger.session[number]):
            sets[number] = found
        else:
            others.append(found)
    for number in crossing(sets, others):
        ledger.give(number, Reason.DUPLICATE)


def _example(chat: Chat, blocks: Sequence[Block], window: Window, names: Names) -> Example:
    """Return a line of a session's blocks; the replies before the window's `new` were trained in a line before."""
    turns: list[tuple[str, str, int | None]] = []
    shown = blocks[window.start : window.end]
    for place, block in enumerate(shown, window.start):
        text = block.shown(window.start)
        if block.mine:
            turns.append(("assistant", text, int(block.trained and place >= window.new)))
        else:
            turns.append(("user", text, None))
    meta = {
        "chat": chat.id,
        "chat_name": names.of_chat(chat),
        "partner": names.partner(chat, (sender for block in shown for sender in block.senders)),
        "kind": chat.kind,
        "session": blocks[0].started,
        "from": shown[0].started,
        "to": shown[-1].ended,
    }
    return Example(tuple(turns), meta)
