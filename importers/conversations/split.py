"""The split in time: what a model is evaluated with comes after what it was trained on, in every chat."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

EVALUATION_SHARE = 0.1
"""The share of trained replies that goes to evaluation."""
SESSIONS_FOR_ONE = 8
"""A chat of that many sessions with a trained reply gives at least one of them."""
REPLIES_FOR_ANY = 20
"""A persona of that many trained replies has an evaluation part, if need be at the cost of the rules above."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A session of a chat by its number, with the numbers of its trained replies."""

    number: int
    chat: str
    trained: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Division:
    """Which sessions, by number, are for evaluation.

    Where no whole session can be given away, `session` is one that is cut, before its reply `first`.
    """

    evaluation: frozenset[int]
    session: int | None = None
    first: int = 0

    def is_evaluation(self, reply: int, session: int) -> bool:
        """Tell whether a reply, by number, of a session is for evaluation."""
        return reply >= self.first if session == self.session else session in self.evaluation


def split_in_time(sessions: Sequence[Counted]) -> Division:
    """Decide which sessions to evaluate with; a chat's come together and in order."""
    chosen: set[int] = set()
    evaluated = 0
    for _, of_chat in groupby(sessions, key=lambda session: session.chat):
        made = list(of_chat)
        last = made[_cut(made) :]
        chosen.update(session.number for session in last)
        evaluated += sum(len(session.trained) for session in last)
    total = sum(len(session.trained) for session in sessions)
    if not evaluated and total >= REPLIES_FOR_ANY:
        return _divide_one(sessions, total)
    return Division(frozenset(chosen))


def _cut(sessions: Sequence[Counted]) -> int:
    """Return the place from which on a chat's sessions are for evaluation."""
    share = EVALUATION_SHARE * sum(len(session.trained) for session in sessions)
    cut, taken = len(sessions), 0
    while cut > 0 and taken + len(sessions[cut - 1].trained) <= share:
        cut -= 1
        taken += len(sessions[cut].trained)
    holding = [place for place, session in enumerate(sessions) if session.trained]
    if not taken and len(holding) >= SESSIONS_FOR_ONE:
        cut = holding[-1]
    return cut


def _divide_one(sessions: Sequence[Counted], total: int) -> Division:
    """Cut the session with most replies, for a persona whose chats have too few sessions to give one away."""
    largest = max(sessions, key=lambda session: len(session.trained))
    number = min(max(1, round(EVALUATION_SHARE * total)), len(largest.trained) // 2)
    if not number:
        return Division(frozenset())
    return Division(frozenset(), largest.number, largest.trained[-number])
