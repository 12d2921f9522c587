"""One chat under two ids, made one where its messages show that it is one.

HTML exports hold no ids, so their chats and people stand under their names until an export with ids holds some of the
same messages: the same number, the same text, the same second (or one that differs as time zones do). And a basic
group that became a supergroup stands under both: there its messages have their numbers less 10^9.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field

from chatclone.archive.forgotten import NAME

SHIFT = -1_000_000_000
"""What Telegram adds to the ids of messages from before a migration."""
ZONES_APART = 14 * 3600
ZONE_STEP = 900
"""Seconds. Local times differ by whole quarters of an hour."""
AGREEING = 0.8
"""Share of the shared numbers that must hold the same; the rest was edited between two exports."""

_SAME = f"""abs(m.sent_at - l.at) <= {ZONES_APART} AND (m.sent_at - l.at) % {ZONE_STEP} = 0 AND m.text =
    (SELECT text FROM message a WHERE a.platform = m.platform AND a.chat = l.chat AND a.id = l.id - l.shift)"""
_NAMED = f"{NAME}%"


@dataclass
class Joined:
    """What became one: ids that are gone, to the ids that stay."""

    chats: dict[str, tuple[str, int]] = field(default_factory=dict)
    """With what was added to the numbers of the messages."""
    people: dict[str, str] = field(default_factory=dict)
    removed: int = 0
    """Messages that had been there twice."""
    notes: list[str] = field(default_factory=list)


def join(db: sqlite3.Connection, platform: str) -> Joined:
    """Join what can be shown to be one, within the caller's transaction; where both forms differ, ids win."""
    joined = Joined()
    loose = db.execute(
        "SELECT count(*) FROM chat WHERE platform=? AND (id LIKE ? OR id GLOB 'chat[0-9]*')", (platform, _NAMED)
    ).fetchone()[0]
    if loose:
        _find_chats(db, platform, joined)
        _find_people(db, platform, joined)
        for chat, (into, shift) in joined.chats.items():
            joined.removed += _move_chat(db, platform, chat, into, shift)
        for person, into in joined.people.items():
            rename_person(db, platform, person, into)
        _note_namesakes(db, platform, joined)
    return joined


def rename_person(db: sqlite3.Connection, platform: str, person: str, into: str) -> None:
    """Give everything a person wrote to another id, which stays."""
    db.execute("UPDATE message SET sender=? WHERE platform=? AND sender=?", (into, platform, person))
    db.execute("DELETE FROM person WHERE platform=? AND id=?", (platform, person))


def _find_chats(db: sqlite3.Connection, platform: str, joined: Joined) -> None:
    """Look for other chats that hold the same messages, in one pass over the archive."""
    db.execute("CREATE TEMP TABLE loose (chat TEXT, id INTEGER, at INTEGER, shift INTEGER)")
    try:
        db.execute(
            f"INSERT INTO loose SELECT chat, id + s, sent_at, s FROM message, (SELECT 0 AS s UNION SELECT {SHIFT})"
            " WHERE platform=? AND ((s = 0 AND chat LIKE ?) OR (s < 0 AND chat GLOB 'chat[0-9]*'))",
            (platform, _NAMED),
        )
        db.execute("CREATE INDEX temp.loose_id ON loose(id)")
        rows = db.execute(
            f"SELECT l.chat, m.chat, l.shift, count(*), sum({_SAME}), sum(m.text <> '' AND {_SAME})"
            " FROM message m CROSS JOIN loose l ON l.id = m.id"
            " WHERE m.platform=? AND m.chat <> l.chat AND (l.shift = 0 OR m.chat GLOB 'channel[0-9]*')"
            " GROUP BY 1, 2, 3",
            (platform,),
        ).fetchall()
    finally:
        db.execute("DROP TABLE temp.loose")
    alike = [row for row in rows if row[5] and row[4] >= AGREEING * row[3]]
    # A chat with an id is a better place than another name, and more shared messages are better evidence.
    for chat, into, shift, *_ in sorted(alike, key=lambda row: (row[1].startswith(NAME), -row[4], row[0], row[1])):
        while into in joined.chats:
            into, more = joined.chats[into]
            shift += more
        if chat not in joined.chats and into != chat:
            joined.chats[chat] = (into, shift)


def _find_people(db: sqlite3.Connection, platform: str, joined: Joined) -> None:
    """Learn whom a name means from the messages that stand there under both."""
    means: dict[str, Counter[str]] = {}
    for chat, (into, shift) in joined.chats.items():
        rows = db.execute(
            "SELECT a.sender, b.sender, count(*) FROM message a JOIN message b"
            " ON b.platform = a.platform AND b.chat = ? AND b.id = a.id + ?"
            " WHERE a.platform = ? AND a.chat = ? AND a.sender LIKE ? AND b.sender NOT LIKE ? AND a.text = b.text"
            " AND NOT a.forwarded AND NOT b.forwarded GROUP BY 1, 2",
            (into, shift, platform, chat, _NAMED, _NAMED),
        )
        for name, person, count in rows:
            means.setdefault(name, Counter())[person] += count
    for name, people in means.items():
        if len(people) == 1:
            joined.people[name] = next(iter(people))
        else:
            joined.notes.append(
                f"{name.removeprefix(NAME)} is the name of {len(people)} people; what only the HTML holds stays apart"
            )


def _move_chat(db: sqlite3.Connection, platform: str, chat: str, into: str, shift: int) -> int:
    """Move a chat's messages into another and return how many of them were there already."""
    twice = db.execute(
        "DELETE FROM message WHERE platform=? AND chat=? AND id + ? IN"
        " (SELECT id FROM message WHERE platform=? AND chat=?)",
        (platform, chat, shift, platform, into),
    ).rowcount
    db.execute(
        "UPDATE message SET chat=?, id=id + ?, reply_to=reply_to + ? WHERE platform=? AND chat=?",
        (into, shift, shift, platform, chat),
    )
    db.execute("DELETE FROM chat WHERE platform=? AND id=?", (platform, chat))
    return twice


def _note_namesakes(db: sqlite3.Connection, platform: str, joined: Joined) -> None:
    rows = db.execute(
        "SELECT DISTINCT p.name FROM person p JOIN person q ON q.platform = p.platform AND q.name = p.name"
        " WHERE p.platform=? AND p.id LIKE ? AND q.id NOT LIKE ? ORDER BY 1",
        (platform, _NAMED, _NAMED),
    ).fetchall()
    if names := [row[0] for row in rows]:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        joined.notes.append(
            f"{shown}: an HTML export holds somebody of this name; no message shows that it is the same person,"
            " so they are kept apart"
        )
