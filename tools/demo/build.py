"""Turns the hand-written chats of the demo into one Telegram Desktop account export.

Contract:
- Reads `chats/*.txt` beside this file, whichever are there; the format is described in `ChatReader`.
- Writes `result.json` as Telegram Desktop 5 and later writes an account: 1-space indentation, UTF-8, no media files.
- The same texts give the same bytes: pauses, ids and sizes come from a generator seeded with the chat's name.
- Times in the texts are London wall-clock times; `date` repeats them, `date_unixtime` is the instant.
- The first mistake in a text ends the program with one line, `file:line: what is wrong`; nothing is written.
- Ends with a summary in which the writers find the slips in the owner's voice, each with its line.

Everybody in the demo is invented. Their ids lie far above those Telegram has given out.

    python -m tools.demo.build [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from tools.demo.fields import DOCUMENTS, media_fields, stamp, text_fields
from tools.demo.slips import summary

CHATS = Path(__file__).resolve().parent / "chats"
DEFAULT_OUT = Path(__file__).resolve().parents[2] / "chatclone" / "starter" / "demo" / "result.json"
FIRST_DAY, LAST_DAY = date(2023, 9, 4), date(2025, 9, 20)
ABOUT = "Here is the data you requested. Every person and every message in this export is invented."
ABOUT_CHATS = "This page lists all chats from this export."


class Person(NamedTuple):
    """Someone who speaks; `id` is the bare Telegram user id."""

    id: int
    first: str
    last: str

    @property
    def name(self) -> str:
        """The name Telegram Desktop writes beside a message."""
        return f"{self.first} {self.last}"


OWNER = "mira"
CAST = {
    "mira": Person(97009000001, "Mira", "Halloran"),
    "theo": Person(97009000002, "Theo", "Marsh"),
    "mum": Person(97009000003, "Ingrid", "Halloran"),
    "priya": Person(97009000004, "Priya", "Nair"),
    "des": Person(97009000005, "Des", "Okafor"),
    "jonah": Person(97009000006, "Jonah", "Reyes"),
    "bea": Person(97009000007, "Bea", "Lindqvist"),
}
GROUPS = {"quiz": (97009000100, "quizzard of oz")}
PHONE, USERNAME, BIO = "+44 7700 900142", "@mira_snail", "piano gremlin. soup enthusiast. 🐌"

MEDIA = {"photo", "location", "contact", *DOCUMENTS}
TAGS = {"re", "fwd", "edit", *MEDIA}

LINE = re.compile(
    r"(?:(?P<time>\d\d:\d\d) +)?"
    r"(?:! (?P<service>.+)|(?P<who>\w+)(?P<tags>(?:\s*\{[^}]*\})*):(?P<text>.*))"
)


@dataclass
class Chat:
    """A chat as it is exported, and the owner's own words in it as (line, text)."""

    path: Path
    kind: str
    id: int
    name: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    own: list[tuple[int, str]] = field(default_factory=list)


class ChatReader:
    """Reads one text: `@chat SLUG TYPE`, `== DAY`, `[HH:MM] WHO {TAG}…: TEXT` and `[HH:MM] ! SERVICE …` lines.

    Tags: #LABEL names the message, re:LABEL replies, fwd:NAME, edit, photo, voice:SECONDS, video:SECONDS,
    round:SECONDS, gif, sticker:EMOJI, file:NAME, location, contact:NAME. Services: call WHO SECONDS (0 = missed),
    pin LABEL, photo WHO, title WHO TITLE, join WHO. A line without a time follows the one before by some seconds.
    """

    def __init__(self, path: Path) -> None:
        """Open the text and start where its generator, its clock and its ids start."""
        self.path, self.line = path, 0
        self.rng = random.Random(f"demo:{path.stem}")
        self.day: date | None = None
        self.minute: time | None = None  # of the last line that carried a time, today
        self.clock = datetime.min
        self.last_id = self.rng.randint(100, 900)
        self.labels: dict[str, tuple[int, str]] = {}  # label: message id, speaker

    def fail(self, what: str) -> NoReturn:
        """End the program, naming the line."""
        raise SystemExit(f"{self.path.name}:{self.line}: {what}")

    def read(self) -> Chat:
        """Read the whole text."""
        lines = self.path.read_text(encoding="utf-8").splitlines()
        self.line = 1
        chat = self.header(lines[0] if lines else "")
        for self.line, row in enumerate(lines[1:], start=2):
            if row.startswith("== "):
                self.turn_day(row[3:].strip())
            elif row.strip():
                self.entry(chat, row.strip())
        if not chat.messages:
            self.fail("no messages")
        return chat

    def header(self, row: str) -> Chat:
        """Read the first line."""
        match row.split():
            case ["@chat", slug, "personal_chat"] if slug in CAST and slug != OWNER:
                return Chat(self.path, "personal_chat", CAST[slug].id, CAST[slug].first)
            case ["@chat", slug, "private_supergroup"] if slug in GROUPS:
                return Chat(self.path, "private_supergroup", *GROUPS[slug])
        self.fail(f"expected '@chat SLUG personal_chat|private_supergroup' with a known slug, got {row!r}")

    def turn_day(self, text: str) -> None:
        """Begin the next day."""
        try:
            day = date.fromisoformat(text)
        except ValueError:
            self.fail(f"not a day: {text!r}")
        if not FIRST_DAY <= day <= LAST_DAY:
            self.fail(f"{day} lies outside {FIRST_DAY} .. {LAST_DAY}")
        if self.day and day <= self.day:
            self.fail(f"time goes backwards: {day} after {self.day}")
        self.day, self.minute = day, None

    def entry(self, chat: Chat, row: str) -> None:
        """Read a message or a service line."""
        found = LINE.fullmatch(row)
        if not found:
            self.fail(f"neither a message nor a service line: {row!r}")
        if found["service"]:
            self.tick(found["time"], 0)
            self.service(chat, found["service"].split())
        else:
            self.message(chat, found["who"], found["tags"] or "", found["text"].strip(), found["time"])

    def tick(self, at: str | None, length: int) -> None:
        """Move the clock to the line's time, or by as long as it takes to type `length` characters."""
        if self.day is None:
            self.fail("a message before the first '== DAY'")
        pause = timedelta(seconds=round(self.rng.uniform(3, 8 + 17 * min(length, 80) / 80)))
        if at is None:
            if self.minute is None:
                self.fail("the first line of a day needs a time")
            self.clock += pause
            return
        try:
            minute = time.fromisoformat(at)
        except ValueError:
            self.fail(f"not a time: {at}")
        if self.minute and minute < self.minute:
            self.fail(f"time goes backwards: {at} after {self.minute:%H:%M}")
        self.minute = minute
        stated = datetime.combine(self.day, minute, None) + timedelta(seconds=self.rng.randrange(60))
        self.clock = max(stated, self.clock + pause)  # a long burst may have run past the next stated time

    def speaker(self, chat: Chat, slug: str) -> Person:
        """Look up who speaks, and that they are in this chat."""
        person = CAST.get(slug)
        if person is None:
            self.fail(f"unknown speaker {slug!r}; known: {', '.join(CAST)}")
        if chat.kind == "personal_chat" and slug != OWNER and person.id != chat.id:
            self.fail(f"{slug} is not in this chat")
        return person

    def envelope(self, kind: str) -> dict[str, Any]:
        """The fields every record begins with; takes the next id."""
        self.last_id += self.rng.choice((1, 1, 1, 1, 2))  # gaps are deleted messages
        return {"id": self.last_id, "type": kind, **stamp("date", self.clock)}

    def tags(self, text: str) -> dict[str, str]:
        """Read `{re:x} {#y}` into {'re': 'x', '#': 'y'} and check it."""
        tags: dict[str, str] = {}
        for tag in re.findall(r"\{([^}]*)\}", text):
            key, _, value = ("#", "", tag[1:]) if tag.startswith("#") else tag.partition(":")
            if key not in TAGS | {"#"}:
                self.fail(f"unknown tag {{{tag}}}")
            if key in ("#", "re", "fwd", "sticker", "file", "contact") and not value.strip():
                self.fail(f"tag {{{tag}}} needs a value")
            if key in ("voice", "video", "round") and not value.isdigit():
                self.fail(f"tag {{{tag}}} needs seconds")
            tags[key] = value.strip()
        if len(MEDIA & tags.keys()) > 1:
            self.fail("more than one attachment")
        return tags

    def message(self, chat: Chat, who: str, tag_text: str, text: str, at: str | None) -> None:
        """Add a message."""
        person, tags = self.speaker(chat, who), self.tags(tag_text)
        media = next(iter(MEDIA & tags.keys()), None)
        if not text and not media:
            self.fail("a message without text or attachment")
        self.tick(at, len(text))
        record = self.envelope("message")
        if "edit" in tags:
            record |= stamp("edited", self.clock + timedelta(seconds=self.rng.randint(9, 90)))
        record |= {"from": person.name, "from_id": f"user{person.id}"}
        if "fwd" in tags:
            record["forwarded_from"] = tags["fwd"]
        if "re" in tags:
            record["reply_to_message_id"] = self.labelled(tags["re"])[0]
        if media:
            record |= media_fields(media, tags[media], self.rng)
            self.clock += timedelta(seconds=record.get("duration_seconds", 0))
        chat.messages.append(record | text_fields(text))
        if "#" in tags:
            if tags["#"] in self.labels:
                self.fail(f"label {tags['#']!r} is taken")
            self.labels[tags["#"]] = (self.last_id, who)
        if who == OWNER and text and "fwd" not in tags:
            chat.own.append((self.line, text))

    def labelled(self, label: str) -> tuple[int, str]:
        """The id and the speaker of the message that bears the label."""
        if label not in self.labels:
            self.fail(f"unknown label {label!r}")
        return self.labels[label]

    def service(self, chat: Chat, words: list[str]) -> None:
        """Add a service message; a pin is its author's own."""
        extra: dict[str, Any]
        match words:
            case ["call", who, seconds] if seconds.isdigit() and chat.kind == "personal_chat":
                length = {"duration_seconds": int(seconds)} if int(seconds) else {}
                extra = {"action": "phone_call", **length, "discard_reason": "hangup" if length else "missed"}
            case ["pin", label]:
                message_id, who = self.labelled(label)
                extra = {"action": "pin_message", "message_id": message_id}
            case ["photo", who] if chat.kind != "personal_chat":
                extra = {"action": "edit_group_photo", **media_fields("photo", "", self.rng)}
            case ["title", who, *title] if title and chat.kind != "personal_chat":
                chat.name = " ".join(title)
                extra = {"action": "edit_group_title", "title": chat.name}
            case ["join", who] if chat.kind != "personal_chat":
                extra = {"action": "join_group_by_link", "inviter": CAST[OWNER].name}
            case _:
                self.fail(f"unknown service line: {' '.join(words)!r}")
        person = self.speaker(chat, who)
        actor = {"actor": person.name, "actor_id": f"user{person.id}"}
        chat.messages.append(self.envelope("service") | actor | extra | {"text": "", "text_entities": []})
        self.clock += timedelta(seconds=extra.get("duration_seconds", 0))


def account(chats: list[Chat]) -> dict[str, Any]:
    """The export of the owner's account, the liveliest chat first."""
    owner = CAST[OWNER]
    recent = sorted(chats, key=lambda chat: (-int(chat.messages[-1]["date_unixtime"]), chat.id))
    return {
        "about": ABOUT,
        "personal_information": {
            "user_id": owner.id,
            "first_name": owner.first,
            "last_name": owner.last,
            "phone_number": PHONE,
            "username": USERNAME,
            "bio": BIO,
        },
        "chats": {
            "about": ABOUT_CHATS,
            "list": [{"name": c.name, "type": c.kind, "id": c.id, "messages": c.messages} for c in recent],
        },
    }


def main() -> None:
    """Build the export and print the summary."""
    parser = argparse.ArgumentParser(description="Build the demo's Telegram export from its texts.")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="the file to write (default: %(default)s)")
    out: Path = parser.parse_args().out
    chats = [ChatReader(path).read() for path in sorted(CHATS.glob("*.txt"))]
    if not chats:
        raise SystemExit(f"{CHATS}: no texts")
    ids = Counter(chat.id for chat in chats)
    if twice := [chat.path.name for chat in chats if ids[chat.id] > 1]:
        raise SystemExit(f"one chat in several texts: {', '.join(twice)}")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(account(chats), ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
    print(f"wrote {out}", *summary(chats, CAST[OWNER].name), sep="\n")


if __name__ == "__main__":
    main()
