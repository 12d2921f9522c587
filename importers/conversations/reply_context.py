"""Whether the context of a reply in a group holds what the reply answers.

Several conversations run at once in a group, so the previous message need not be what is answered. It is taken to be
if a reply edge connects the two in either direction, if the persona is mentioned, if the reply mentions somebody who
has just spoken, or if the persona spoke a few turns before.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from importers.conversations.sessions import Turn
from importers.message import Person

NEAR_TURNS = 4
"""Turns of others after which the persona no longer counts as part of the conversation."""
_SHORTEST_NAME = 3
"""Letters of the shortest part of a name that is searched for; two in scripts whose letters are syllables."""
_NAME_PART = re.compile(r"[^\W\d_]+")
_MENTION = re.compile(r"@(\w+)")


class Addressing:
    """Decides for the replies of one persona."""

    def __init__(self, persona: str, people: Mapping[str, Person]) -> None:
        self._persona, self._people = persona, people
        self._names: dict[str, frozenset[str]] = {}

    def is_answer(self, turn: Turn, pending: Sequence[Turn], spoke: bool, edge: bool) -> bool:
        """Tell whether a turn of the persona answers the `pending` turns of others before it.

        `spoke`: the persona spoke before them in the session. `edge`: one of them and the turn are tied by a reply.
        """
        if edge or (spoke and len(pending) <= NEAR_TURNS):
            return True
        if _mentions(self._parts(self._persona), (message.text for t in pending for message in t.messages)):
            return True
        spoken = frozenset().union(*(self._parts(t.sender) for t in pending))
        return _mentions(spoken, (message.text for message in turn.messages))

    def _parts(self, person: str) -> frozenset[str]:
        """Return the words of a person's name, folded, that are long enough to search for."""
        if person not in self._names:
            name = self._people[person].name if person in self._people else ""
            found = _NAME_PART.findall(name.casefold())
            self._names[person] = frozenset(p for p in found if len(p) >= (_SHORTEST_NAME if p[0] < "⺀" else 2))
        return self._names[person]


def _mentions(names: frozenset[str], texts: Iterable[str]) -> bool:
    """Tell whether a text holds one of the names as a word or in an @mention."""
    for text in texts:
        folded = text.casefold()
        if not any(name in folded for name in names):
            continue
        if not names.isdisjoint(_NAME_PART.findall(folded)):
            return True
        if any(name in mention for mention in _MENTION.findall(folded) for name in names):
            return True
    return False
