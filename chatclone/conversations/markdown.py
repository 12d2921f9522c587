"""A conversation to Markdown and back: the branch that is shown, with titles, times and states.

    # whats your cat called

    - clone: Mira
    - partner: Anna

    ### You · 2026-11-21T10:30:00+00:00

    > whats your cat called

    ### Mira (clone) · 2026-11-21T10:30:04+00:00 · cancelled

    > biscuit!!
    > he is

Everything anybody said stands in a quotation, a line a line, and every sign of Markdown in it is escaped, so no
message can begin a heading or another message, and a viewer shows it as it was written. What was a line break stays
one by two spaces before it; reading does not need them, so an editor may strip them.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from chatclone.conversations.chat_settings import Settings
from chatclone.conversations.document import ConversationDocument, MessageDocument
from chatclone.conversations.records import STATES, Speaker, title_of
from chatclone.errors import ChatcloneError

YOU = "You"
CLONE = " (clone)"
_SIGNS = re.compile(r"[\\`*_\[\]<>&|~$]")
_FIRST_SIGN = re.compile(r"^(?:[#+=-]|\d+(?=[.)]))")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|&#(\d{1,7});")
_HEADING = re.compile(r"### (?P<who>.+) · (?P<when>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00)(?: · (?P<state>[a-z]+))?")
_FACT = re.compile(r"- (?P<name>clone|partner): ?(?P<value>.*)")
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Signs that change the direction of a text; they stand as numbers, so that the file reads in one direction."""


def written(conversation: ConversationDocument, persona: str) -> str:
    """Return what is shown of a conversation with the clone of `persona`."""
    parts = [f"# {_escaped(conversation.title)}".rstrip(), "", f"- clone: {_escaped(persona)}".rstrip()]
    if conversation.settings.partner:
        parts.append(f"- partner: {_escaped(' '.join(conversation.settings.partner.split()))}")
    for m in conversation.shown():
        who = YOU if m.role == "user" else f"{_escaped(' '.join(persona.split()))}{CLONE}"
        when = datetime.fromtimestamp(m.created_at, UTC).isoformat()
        state = f" · {m.state}" if m.state != "done" else ""
        parts += ["", f"### {who} · {when}{state}"]
        if m.text:
            lines = [_escaped(line) for line in m.text.split("\n")]
            breaks = ["  " if line and below else "" for line, below in zip(lines, [*lines[1:], ""], strict=True)]
            parts += ["", *(f"> {line}{end}" if line else ">" for line, end in zip(lines, breaks, strict=True))]
    return "\n".join(parts) + "\n"


def read(text: str) -> tuple[ConversationDocument, ...]:
    """Return the conversations of a file; ChatcloneError, naming the line, for what `written` never writes."""
    found: list[_Reading] = []
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip()
        if line == "#" or line.startswith("# "):
            found.append(_Reading(_plain(line[1:].strip())))
        elif line and not (found and found[-1].take(line)):
            raise ChatcloneError(
                "line {number} does not belong to a conversation exported by chatclone",
                "text stands after “> ”, below a heading “### You · time”",
                number=number,
            )
    if not found:
        raise ChatcloneError("there is no conversation in this file", "one begins with a line “# title”")
    return tuple(reading.document() for reading in found)


@dataclass
class _Reading:
    """A conversation whose lines are being read."""

    title: str
    partner: str = ""
    messages: list[MessageDocument] = field(default_factory=list)
    lines: list[list[str]] = field(default_factory=list)

    def take(self, line: str) -> bool:
        """Take in a line; returns whether it is one of ours."""
        if line.startswith(">") and self.messages:
            self.lines[-1].append(_plain(line[1:].strip()))
        elif heading := _HEADING.fullmatch(line):
            return self._begin(heading)
        elif (fact := _FACT.fullmatch(line)) and not self.messages:
            self.partner = _plain(fact["value"]) if fact["name"] == "partner" else self.partner
        else:
            return False
        return True

    def _begin(self, heading: "re.Match[str]") -> bool:
        """Begin a message; returns whether its heading says by whom, when, and what became of it."""
        who, state = heading["who"], heading["state"] or "done"
        named = [known for known in STATES if known == state]
        try:
            when = int(datetime.fromisoformat(heading["when"]).timestamp())
        except ValueError:
            return False
        if not named or when < 0 or not (who == YOU or who.endswith(CLONE)):
            return False
        number = len(self.messages) + 1
        if self.messages:
            self.messages[-1] = replace(self.messages[-1], selected=number)
        role: Speaker = "user" if who == YOU else "assistant"
        self.messages.append(MessageDocument(number, role, "", when, parent=number - 1 or None, state=named[0]))
        self.lines.append([])
        return True

    def document(self) -> ConversationDocument:
        """Return what was read; a title that is not the beginning of the first message was a person's own."""
        messages = tuple(replace(m, text="\n".join(lines)) for m, lines in zip(self.messages, self.lines, strict=True))
        said = next((m.text for m in messages[:2] if m.role == "user"), self.title)
        times = [m.created_at for m in messages] or [0]
        return ConversationDocument(
            title=self.title,
            created_at=times[0],
            updated_at=max(times),
            messages=messages,
            first=1 if messages else None,
            read=len(messages),
            renamed=self.title != title_of(said),
            settings=Settings(partner=self.partner),
        )


def _escaped(line: str) -> str:
    """Return a line of text so that Markdown shows it as it is."""
    line = _SIGNS.sub(lambda sign: "\\" + sign.group(), line)
    if first := _FIRST_SIGN.match(line):
        line = f"{first.group()}\\{line[first.end() :]}" if first.group()[0].isdigit() else "\\" + line
    return "".join(_numbered(line))


def _numbered(line: str) -> Iterator[str]:
    """Yield the characters of a line, those as numbers that a viewer or an editor would change."""
    last = len(line) - 1
    for position, c in enumerate(line):
        at_edge = position in (0, last) and c.isspace()
        hidden = unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in _TURNING
        yield f"&#{ord(c)};" if at_edge or hidden else c


def _plain(line: str) -> str:
    """Return the text that an escaped line stands for."""
    return _ESCAPED.sub(_unescaped, line)


def _unescaped(found: "re.Match[str]") -> str:
    if found.group(1):
        return str(found.group(1))
    number = int(found.group(2))
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else str(found.group())
