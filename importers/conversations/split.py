"""The split into training and evaluation by time: in every chat, evaluation comes after training."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

EVALUATION_SHARE = 0.1
"""Share of trained replies that goes to evaluation."""
SESSIONS_FOR_ONE = 8
"""A chat with this many sessions with a trained reply gives at least one of them to evaluation."""
REPLIES_FOR_ANY = 20
"""A data set with this many trained replies has an evaluation part, if need be by cutting a session in two."""


@dataclass(frozen=True, slots=True)
class SessionReplies:
    """A session of a chat, and the numbers of its trained replies."""

    number: int
    chat: str
    trained: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """The numbers of the sessions for evaluation, or the one session that is cut before its reply `first`."""

    evaluation: frozenset[int]
    session: int | None = None
    first: int = 0

    def is_evaluation(self, reply: int, session: int) -> bool:
        """Tell whether a reply of a session is for evaluation; both are numbers."""
        return reply >= self.first if session == self.session else session in self.evaluation


def split_in_time(sessions: Sequence[SessionReplies]) -> Split:
    """Choose the sessions for evaluation; those of a chat are given together and in order."""
    chosen: set[int] = set()
    evaluated = 0
    for _, of_chat in groupby(sessions, key=lambda session: session.chat):
        made = list(of_chat)
        last = made[_cut(made) :]
        chosen.update(session.number for session in last)
        evaluated += sum(len(session.trained) for session in last)
    total = sum(len(session.trained) for session in sessions)
    if not evaluated and total >= REPLIES_FOR_ANY:
        return _cut_longest(sessions, total)
    return Split(frozenset(chosen))


def _cut(sessions: Sequence[SessionReplies]) -> int:
    """Return the index from which on a chat's sessions are for evaluation."""
    share = EVALUATION_SHARE * sum(len(session.trained) for session in sessions)
    cut, taken = len(sessions), 0
    while cut > 0 and taken + len(sessions[cut - 1].trained) <= share:
        cut -= 1
        taken += len(sessions[cut].trained)
    trained = [place for place, session in enumerate(sessions) if session.trained]
    if not taken and len(trained) >= SESSIONS_FOR_ONE:
        cut = trained[-1]
    return cut


def _cut_longest(sessions: Sequence[SessionReplies], total: int) -> Split:
    """Cut the session with most replies in two, where no chat has a whole session to spare."""
    largest = max(sessions, key=lambda session: len(session.trained))
    number = min(max(1, round(EVALUATION_SHARE * total)), len(largest.trained) // 2)
    if not number:
        return Split(frozenset())
    return Split(frozenset(), largest.number, largest.trained[-number])
