"""Who the owner of an export is ("me"): from the export itself, else from what the user typed."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from string import ascii_letters

from importers.message import Chat, Person
from importers.source import ImportFailure

LISTED = 12
"""Candidates named in an error; the rest are counted."""
OWN_ONLY = 20
"""A group with more messages than this, all of one sender, was exported with "only my messages", Telegram's default."""


def infer_owner(
    account: str | None, chats: Iterable[Chat], senders: Mapping[str, Mapping[str, int]]
) -> tuple[str, str] | None:
    """Return the id of the export's owner and how it is known, or None where it cannot be known.

    `account` is the user whom the export names as its owner. `senders` maps a chat's id to the number of messages of
    each sender. A personal chat has the partner's id, so the only other sender is the owner. Names are not used: they
    are not unique.
    """
    if account is not None:
        return account, "personal_information"
    votes: Counter[str] = Counter()
    for chat in chats:
        if chat.kind == "saved":
            return chat.id, "saved_messages"
        if chat.kind in ("personal", "bot"):
            others = [person for person in senders.get(chat.id, {}) if person != chat.id]
            votes.update(others if len(others) == 1 else [])
    return (next(iter(votes)), "chat_partner") if len(votes) == 1 else None


def own_only(
    chats: Iterable[Chat], senders: Mapping[str, Mapping[str, int]], declared: Collection[str] = ()
) -> list[str]:
    """Return a warning for each group of which only one person's messages were exported.

    `declared` holds the ids of chats for which the export says so; others are detected by `OWN_ONLY`.
    """
    warnings = []
    for chat in chats:
        wrote = senders.get(chat.id, {})
        alone = len(wrote) == 1 and sum(wrote.values()) > OWN_ONLY
        if chat.kind == "group" and wrote and (alone or chat.id in declared):
            warnings.append(
                f"{chat.name}: only one person's messages were exported, so there is nothing they answer,"
                " and they are not trained on; export it with all messages"
            )
    return warnings


def resolve(wanted: str, people: Mapping[str, Person], counts: Mapping[str, int]) -> Person:
    """Return the person that `wanted` names: an id, the number of an id, a whole name, or part of one person's name."""
    if wanted in people:
        return people[wanted]
    needle = wanted.strip().casefold()
    numbered = [p for p in people.values() if wanted.isdecimal() and p.id.lstrip(ascii_letters) == wanted]
    named = [p for p in people.values() if p.name.casefold() == needle]
    found = numbered or named or [p for p in people.values() if needle and needle in p.name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise ImportFailure(
            '"{wanted}" may be {count} people',
            "name one by id: {candidates}",
            wanted=wanted,
            count=len(found),
            candidates=candidates(found, counts),
        )
    if listed := candidates(people.values(), counts):
        raise ImportFailure('there is nobody called "{wanted}"', "there is {people}", wanted=wanted, people=listed)
    raise ImportFailure('there is nobody called "{wanted}"', "nobody wrote anything in this export", wanted=wanted)


def candidates(people: Iterable[Person], counts: Mapping[str, int]) -> str:
    """Return people with their ids and numbers of messages, most messages first, as one line."""
    ordered = sorted(people, key=lambda p: (-counts.get(p.id, 0), p.name, p.id))
    names = []
    for person in ordered[:LISTED]:
        count = counts.get(person.id, 0)
        names.append(f"{person.name} ({person.id}, {count:,} message{'' if count == 1 else 's'})")
    if len(ordered) > LISTED:
        names.append(f"and {len(ordered) - LISTED} more")
    return ", ".join(names)
