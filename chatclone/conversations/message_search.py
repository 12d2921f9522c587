"""Search over all conversations: which messages hold all words of a query, newest first, and where in them.

Every word of a query is a beginning (`cat` finds cats), a piece in double quotes stands exactly so. Case and accents
do not count, nor do FTS5's own signs mean anything.
"""

import re
import sqlite3
from collections.abc import Sequence

from chatclone.conversations.records import Found
from chatclone.conversations.search_words import Word, words_in

SNIPPET = 120
"""Characters of a message that are shown of it."""
LEAD = 30
"""Characters before the first match."""
_QUOTED = re.compile('"([^"]*)"?')

Term = tuple[tuple[str, ...], bool]
"""Words that must stand one after another, and whether the last of them is only a beginning."""


def terms_of(query: str) -> list[Term]:
    """Return what a message must hold to be found."""
    terms: list[Term] = []
    for position, part in enumerate(_QUOTED.split(query)):
        if position % 2:
            exact = tuple(word.folded for word in words_in(part))
            terms += [(exact, False)] if exact else []
        else:
            terms += _loose(words_in(part))
    return list(dict.fromkeys(terms))


def find(
    connection: sqlite3.Connection, query: str, conversation: int | None, before: int | None, limit: int
) -> list[Found]:
    """Return messages that hold all of `query`, newest first, those added before the message `before` only."""
    terms = terms_of(query)
    if not terms:
        return []
    match = " AND ".join(f'"{" ".join(words)}"{"*" if open_ended else ""}' for words, open_ended in terms)
    rows = connection.execute(
        """SELECT m.conversation_id, m.id, c.title, m.role, m.created_at, m.text
            FROM message_words w JOIN messages m ON m.id = w.rowid JOIN conversations c ON c.id = m.conversation_id
            WHERE message_words MATCH ? AND w.rowid < ? AND (? IS NULL OR m.conversation_id = ?)
            AND m.deletion_id IS NULL AND c.deletion_id IS NULL
            ORDER BY w.rowid DESC LIMIT ?""",
        (match, before if before is not None else 2**62, conversation, conversation, limit),
    )
    return [
        Found(chat, number, title, role, created_at, *snippet(text, terms))
        for chat, number, title, role, created_at, text in rows.fetchall()
    ]


def snippet(text: str, terms: Sequence[Term]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return a piece of `text` around its first match as one line, and the places of all matches in it."""
    places = _joined(_places(words_in(text), terms))
    start = max(0, places[0][0] - LEAD) if places else 0
    if start:
        space = text.find(" ", start, places[0][0])
        start = space + 1 if space >= 0 else start
    end = min(len(text), max(start + SNIPPET, places[0][1] if places else 0))
    before, after = "…" if start else "", "…" if end < len(text) else ""
    line = before + "".join(" " if c.isspace() else c for c in text[start:end]) + after
    shift = len(before) - start
    inside = tuple((a + shift, min(b, end) + shift) for a, b in places if a < end)
    return line, inside


def places(text: str, query: str) -> list[tuple[int, int]]:
    """Return where in `text` the words of a query stand, for a screen that marks them."""
    return _joined(_places(words_in(text), terms_of(query)))


def _loose(words: Sequence[Word]) -> list[Term]:
    """Return each word as a beginning; characters that stand together in a text without spaces stay together."""
    terms: list[Term] = []
    run: list[Word] = []
    for word in words:
        if run and not (word.single and run[-1].single and word.start == run[-1].end):
            terms.append((tuple(w.folded for w in run), True))
            run = []
        run.append(word)
    return [*terms, (tuple(w.folded for w in run), True)] if run else terms


def _places(words: Sequence[Word], terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Return where the terms stand in a text of these words."""
    folded = [word.folded for word in words]
    return [
        (words[i].start, words[i + len(term) - 1].end)
        for term, open_ended in terms
        for i in range(len(folded) - len(term) + 1)
        if folded[i : i + len(term) - 1] == list(term[:-1])
        and (folded[i + len(term) - 1].startswith(term[-1]) if open_ended else folded[i + len(term) - 1] == term[-1])
    ]


def _joined(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return places in their order, overlapping ones as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
