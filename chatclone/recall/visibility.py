"""What a clone may tell to whom: somebody who was chosen hears what they took part in, and nothing out of other chats.

Whom the clone talks to as a rule, the one that it was opened with, hears everything: mostly that is its owner.
"""

from collections.abc import Callable

from memory.memory import NOTES
from memory.search.recall import Hit


def everything(hit: Hit) -> bool:
    """Tell whatever memory finds."""
    return True


def may_tell(partner: str, *, usual: str) -> Callable[[Hit], bool]:
    """Return what decides on a passage for `partner`; an empty name is the usual partner.

    The user's own notes are told to everybody: they are written for the clone to use.
    """
    who = _folded(partner)
    if not who or who == _folded(usual):
        return everything

    def they_were_there(hit: Hit) -> bool:
        speakers = {_folded(name) for name in hit.who.split(",")}
        return who in speakers or who == _folded(hit.chat) or _folded(hit.chat) == _folded(NOTES)

    return they_were_there


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
