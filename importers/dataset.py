"""Conversations to a data set: lines of the OpenAI chat format, with weights, and split in time.

- Every trained reply of the persona has weight 1 in exactly one line; a reply with a reason stays as context, weight 0.
- A line never mixes chats or sessions. Long sessions become several lines whose beginnings repeat the context before.
- The last tenth of each chat's sessions is for evaluation, and holds nothing that nearly stands in the training part.
- `report`: `total = trained + sum(untrained)` counts the persona's turns, and `trained = train + eval`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from importers.cleaning import FILTERS, Reason, thin
from importers.duplicates import NearDuplicates
from importers.exchange import Block, Exchange, Exchanger
from importers.message import Chat, Message, Person
from importers.reading import ImportFailure
from importers.redact import Redactor
from importers.report import ChatRow, DataReport
from importers.sessions import Sessions, sessions
from importers.split import split_in_time
from importers.style import Style, moved
from importers.windows import windows

__all__ = ["DataReport", "DataSet", "Example", "build"]

NAMED_PARTNERS = 4
"""People of a group that a line names as those the persona talks to; of more, the group's name stands for them."""


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


@dataclass
class DataSet:
    """Lines to train on, lines to evaluate with, and the account of both."""

    train: list[Example]
    eval: list[Example]
    report: DataReport


def build(
    chats: Iterable[tuple[Chat, Iterable[Message]]],
    persona: str,
    people: Mapping[str, Person],
    *,
    filter: str = "balanced",
    redactor: Redactor | None,
) -> DataSet:
    """Make the data set of the person with id `persona`; the messages of a chat come in order, one chat at a time."""
    if filter not in FILTERS:
        raise ImportFailure(f'"{filter}" is no filter', f"there is {', '.join(FILTERS)}")
    report = DataReport(filter)
    exchanges: list[Exchange] = []
    parts: list[tuple[Chat, int, Sessions, list[Exchange]]] = []
    for chat, messages in chats:
        ordered = list(messages)
        found = sessions(ordered)
        exchanger = Exchanger(chat, persona, people, filter, ordered, redactor)
        made = [exchanger.exchange(session) for session in found]
        exchanges.extend(made)
        # The sessions' messages are let go here; what stays of a chat is its text.
        parts.append((chat, len(ordered), Sessions((), found.gap), made))
    if filter == "balanced":
        _thin(exchanges)
    train, evaluation = split_in_time(exchanges)
    if filter == "balanced":
        _part(train, evaluation)
    report.redacted = Counter(redactor.counts) if redactor else Counter()
    _account(report, exchanges)
    report.chats = [_row(chat, number, found, made) for chat, number, found, made in parts]
    result = DataSet(_lines(train, people), _lines(evaluation, people), report)
    report.train = sum(example.trained for example in result.train)
    report.eval = sum(example.trained for example in result.eval)
    return result


def _thin(exchanges: Iterable[Exchange]) -> None:
    """Give the reason to those replies, over all chats in time, that repeat too often."""
    replies = sorted(_replies(exchanges), key=lambda block: block.started)
    for place, reason in thin([block.said for block in replies]).items():
        replies[place].reason = reason


def _part(train: Iterable[Exchange], evaluation: Iterable[Exchange]) -> None:
    """Give the reason to those replies for evaluation that nearly stand in the training part."""
    known = NearDuplicates(block.said for block in _replies(train))
    for block in _replies(evaluation):
        if known.holds(block.said):
            block.reason = Reason.DUPLICATE


def _replies(exchanges: Iterable[Exchange]) -> list[Block]:
    return [block for exchange in exchanges for block in exchange.blocks if block.trained]


def _account(report: DataReport, exchanges: Iterable[Exchange]) -> None:
    before, after = Style(), Style()
    for exchange in exchanges:
        report.sessions += 1
        for block in exchange.blocks:
            if not block.mine:
                continue
            report.total += 1
            if block.reason is not None:
                report.untrained[block.reason.value] += 1
            if block.reason not in (Reason.FORWARDED, Reason.VIA_BOT):
                before.add(block.text)
            if block.trained:
                after.add(block.text)
    report.style_before, report.style_after = before.to_dict(), after.to_dict()
    report.warnings = moved(report.style_before, report.style_after)


def _row(chat: Chat, messages: int, found: Sessions, made: list[Exchange]) -> ChatRow:
    replies = sum(block.mine for exchange in made for block in exchange.blocks)
    return ChatRow(
        id=chat.id,
        name=chat.name,
        kind=chat.kind,
        messages=messages,
        sessions=len(made),
        gap_seconds=found.gap.seconds,
        gap_how=found.gap.how,
        replies=replies,
        trained=sum(exchange.trained for exchange in made),
    )


def _lines(exchanges: Iterable[Exchange], people: Mapping[str, Person]) -> list[Example]:
    return [
        _example(exchange.chat, exchange.blocks[window.start : window.end], window.new, window.start, people)
        for exchange in exchanges
        for window in windows(exchange.blocks)
    ]


def _example(chat: Chat, blocks: tuple[Block, ...], new: int, start: int, people: Mapping[str, Person]) -> Example:
    """Return a line of these blocks; the replies before block `new` of the session were trained in a line before."""
    turns: list[tuple[str, str, int | None]] = []
    for place, block in enumerate(blocks, start):
        if block.mine:
            turns.append(("assistant", block.text, int(block.trained and place >= new)))
        else:
            turns.append(("user", block.text, None))
    meta = {
        "chat": chat.id,
        "chat_name": chat.name,
        "partner": _partner(chat, blocks, people),
        "kind": chat.kind,
        "from": blocks[0].started,
        "to": blocks[-1].ended,
    }
    return Example(tuple(turns), meta)


def _partner(chat: Chat, blocks: Iterable[Block], people: Mapping[str, Person]) -> str:
    """Return whom the persona talks to: the other person, the others who wrote, or the group's name if many did."""
    senders = dict.fromkeys(sender for block in blocks for sender in block.senders)
    names = [people[sender].name if sender in people else sender for sender in senders]
    if len(names) > NAMED_PARTNERS:
        return chat.name
    return ", ".join(names) or chat.name
