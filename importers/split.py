"""The split in time: what a model is evaluated with comes after what it was trained on, in every chat."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from importers.exchange import Exchange

EVALUATION_SHARE = 0.1
"""The share of trained replies that goes to evaluation."""
SESSIONS_FOR_ONE = 8
"""A chat of that many sessions gives at least one of them."""
REPLIES_FOR_ANY = 20
"""A persona of that many trained replies has an evaluation part, if need be at the cost of the rules above."""


def split_in_time(exchanges: Sequence[Exchange]) -> tuple[list[Exchange], list[Exchange]]:
    """Return the exchanges to train on and those to evaluate with; a chat's come together and in order."""
    train: list[Exchange] = []
    evaluation: list[Exchange] = []
    for _, of_chat in groupby(exchanges, key=lambda exchange: exchange.chat.id):
        made = list(of_chat)
        cut = _cut(made)
        train.extend(made[:cut])
        evaluation.extend(made[cut:])
    if not any(e.trained for e in evaluation) and _trained(exchanges) >= REPLIES_FOR_ANY:
        return _split_one(exchanges)
    return train, evaluation


def _cut(exchanges: Sequence[Exchange]) -> int:
    """Return the place from which on a chat's sessions are for evaluation."""
    share = EVALUATION_SHARE * _trained(exchanges)
    cut, taken = len(exchanges), 0
    while cut > 0 and taken + exchanges[cut - 1].trained <= share:
        cut -= 1
        taken += exchanges[cut].trained
    if not taken and len(exchanges) >= SESSIONS_FOR_ONE:
        cut = max((place for place, e in enumerate(exchanges) if e.trained), default=cut)
    return cut


def _split_one(exchanges: Sequence[Exchange]) -> tuple[list[Exchange], list[Exchange]]:
    """Cut the session with most replies, for a persona whose chats have too few sessions to give one away."""
    largest = max(range(len(exchanges)), key=lambda place: exchanges[place].trained)
    blocks = exchanges[largest].blocks
    wanted = [place for place, block in enumerate(blocks) if block.trained]
    number = min(max(1, round(EVALUATION_SHARE * _trained(exchanges))), len(wanted) // 2)
    if not number:
        return list(exchanges), []
    # The cut stands before what the first reply for evaluation answers.
    cut = wanted[-number] - 1
    chat = exchanges[largest].chat
    before = [*exchanges[:largest], Exchange(chat, blocks[:cut]), *exchanges[largest + 1 :]]
    return before, [Exchange(chat, blocks[cut:])]


def _trained(exchanges: Iterable[Exchange]) -> int:
    return sum(exchange.trained for exchange in exchanges)
