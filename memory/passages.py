"""Messages into passages: overlapping windows of three consecutive messages, which is what is indexed and shown.

A window never spans a long silence, so that a passage is one stretch of talk. Who wrote and when stand in its text:
`2023-05-08 Anna: …`, one line a message.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

WINDOW = 3
"""Messages in a passage: on LoCoMo this beats single messages and disjoint blocks from 200 words of budget up."""
SESSION_GAP_SECONDS = 6 * 3600
"""A silence this long ends a session."""


class Line(NamedTuple):
    """One message as memory keeps it.

    `key` is unique and stays the same from import to import (`telegram:chat/id`). `chat` is the chat's id, `who` the
    name that is shown, `when` Unix seconds, `offset` how far the clock where it was written was ahead of UTC, in
    seconds: days are counted by that clock.
    """

    key: str
    chat: str
    chat_name: str
    who: str
    when: int
    text: str
    offset: int = 0

    @property
    def local(self) -> int:
        """When it was written by the clock there, as seconds since 1970-01-01 00:00 of that clock."""
        return self.when + self.offset

    @property
    def shown(self) -> str:
        """The message on one line, with its date and who wrote it."""
        return f"{self.day} {self.who}: {' '.join(self.text.split())}"

    @property
    def day(self) -> str:
        """The date where it was written: `2023-05-08`."""
        return self.day_and_time[:10]

    @property
    def day_and_time(self) -> str:
        """The date and the time of day where it was written: `2023-05-08 14:05`."""
        return datetime.fromtimestamp(self.local, UTC).strftime("%Y-%m-%d %H:%M")


@dataclass(frozen=True, slots=True)
class Passage:
    """Up to three consecutive messages of one session."""

    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The passage as it is shown, a line a message."""
        return "\n".join(line.shown for line in self.lines)


def passages(lines: Sequence[Line], gap: int = SESSION_GAP_SECONDS) -> Iterator[Passage]:
    """Yield the overlapping windows of one chat's lines, which are in order; a session shorter than three gives one."""
    for session in _sessions(lines, gap):
        for start in range(max(1, len(session) - WINDOW + 1)):
            yield Passage(tuple(session[start : start + WINDOW]))


def _sessions(lines: Sequence[Line], gap: int) -> Iterator[Sequence[Line]]:
    start = 0
    for position in range(1, len(lines) + 1):
        if position == len(lines) or lines[position].when - lines[position - 1].when > gap:
            yield lines[start:position]
            start = position
