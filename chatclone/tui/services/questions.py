"""Questions from a thread that works to the person at the screen: the thread waits, the screen never does."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from textual.message import Message
from textual.message_pump import MessagePump

from importers.message import Person


class Abandoned(Exception):
    """The person stopped the work, or left."""


@dataclass
class WhoAreYou(Message):
    """Which of these, with how many messages each, is the person whose export it is?"""

    candidates: Sequence[tuple[Person, int]]
    answer: "Future[Person | None]"


@dataclass
class Agreed(Message):
    """Did this person agree to be cloned?"""

    person: Person
    owner_known: bool
    answer: "Future[bool]"


class ScreenAsking:
    """Asks what `chatclone.ingest.ownership.Asking` asks, by messages to a screen."""

    def __init__(self, screen: MessagePump) -> None:
        self._screen = screen
        self._waiting: Future[Person | None] | Future[bool] | None = None

    def who_are_you(self, candidates: Sequence[tuple[Person, int]]) -> Person | None:
        """Wait for the answer."""
        answer: Future[Person | None] = Future()
        self._waiting = answer
        self._screen.post_message(WhoAreYou(candidates, answer))
        return answer.result()

    def agreed(self, person: Person, *, owner_known: bool) -> bool | None:
        """Wait for the answer."""
        answer: Future[bool] = Future()
        self._waiting = answer
        self._screen.post_message(Agreed(person, owner_known, answer))
        return answer.result()

    def abandon(self) -> None:
        """Let a thread that waits for an answer end."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Abandoned())
