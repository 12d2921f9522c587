"""Invented chats with questions, one file each: who writes, what they said when, and where each answer stands.

@ J 지우                            a short name and the name
== 2021-10-02 21:10                 a session begins; each message is a minute after the one before
J: 나 드디어 독립했다! #rooftop       a message, with a label where a question needs it
? 지우가 살던 동네는? = rooftop       a question and the labels of its evidence
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from memory.passages import Line

FOLDER = Path(__file__).parent
_LABELS = re.compile(r"(?: #(\w+))+$")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the messages that answer it."""

    question: str
    evidence: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Chat:
    """An invented chat, in order, with its questions."""

    name: str
    lines: tuple[Line, ...]
    questions: tuple[Asked, ...]


def read_chat(path: Path) -> Chat:
    """Return the chat in a file; raises KeyError for a label that no message has."""
    names: dict[str, str] = {}
    lines: list[Line] = []
    labelled: dict[str, Line] = {}
    asked: list[Asked] = []
    when = 0
    for row in filter(None, path.read_text("utf-8").split("\n")):
        kind, _, rest = row.partition(" ")
        if kind == "@":
            short, _, name = rest.partition(" ")
            names[short] = name
        elif kind == "==":
            when = int(datetime.strptime(rest, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp())
        elif kind == "?":
            question, _, labels = rest.rpartition(" = ")
            asked.append(Asked(question, tuple(labelled[label] for label in labels.split())))
        else:
            text = _LABELS.sub("", rest)
            line = Line(f"{path.stem}:{len(lines)}", path.stem, path.stem, names[kind[:-1]], when, text)
            lines.append(line)
            labelled |= dict.fromkeys(re.findall(r"#(\w+)", rest[len(text) :]), line)
            when += 60
    return Chat(path.stem, tuple(lines), tuple(asked))


def read_chats() -> tuple[Chat, ...]:
    """Return the chats beside this file."""
    return tuple(map(read_chat, sorted(FOLDER.glob("*.txt"))))
