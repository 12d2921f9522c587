"""In a group, whether the context of a reply holds what it answers.

Many talk at once there, and what somebody says next need not answer what was said last. It does where one of three
things ties it to the context: a reply edge, in either direction; a mention of the persona, or of somebody who has just
spoken; or the persona's own words a few turns before, which make them part of what is going on.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from importers.conversations.sessions import Turn
from importers.message import Person

NEAR_TURNS = 4
"""The persona is part of what is going on for that many turns of others after their own words."""
_SHORTEST_NAME = 3
"""Letters of a name's part that is looked for, in scripts that write sounds; two in those that write syllables."""
_NAME_PART = re.compile(r"[^\W\d_]+")
_MENTION = re.compile(r"@(\w+)")


class Addressing:
    """Decides for one chat, whose persona and people it knows by name."""

    def __init__(self, persona: str, people: Mapping[str, Person]) -> None:
        self._persona, self._people = persona, people
        self._names: dict[str, frozenset[str]] = {}

    def is_answer(self, turn: Turn, pending: Sequence[Turn], spoke: bool, edge: bool) -> bool:
        """Tell whether a turn of the persona answers the turns of others before it.

        `spoke` says that the persona spoke before them in the session, `edge` that a message of the turn replies to
        somebody, or one of `pending` to the persona.
        """
        if edge or (spoke and len(pending) <= NEAR_TURNS):
            return True
        if _mentions(self._parts(self._persona), (message.text for t in pending for message in t.messages)):
            return True
        spoken = frozenset().union(*(self._parts(t.sender) for t in pending))
        return _mentions(spoken, (message.text for message in turn.messages))

    def _parts(self, person: str) -> frozenset[str]:
        if person not in self._names:
            name = self._people[person].name if person in self._people else ""
            parts = (part for part in _NAME_PART.findall(name.casefold()))
            self._names[person] = frozenset(part for part in parts if _is_name(part))
        return self._names[person]


def _mentions(names: frozenset[str], texts: Iterable[str]) -> bool:
    """Tell whether one of the texts holds a name as a word, or within what follows an @."""
    if not names:
        return False
    for text in texts:
        folded = text.casefold()
        if not any(name in folded for name in names):
            continue
        if not names.isdisjoint(_NAME_PART.findall(folded)):
            return True
        if any(name in mention for mention in _MENTION.findall(folded) for name in names):
            return True
    return False


def _is_name(part: str) -> bool:
    return len(part) >= (_SHORTEST_NAME if part[0] < "⺀" else 2)
