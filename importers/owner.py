"""Who "me" is, and how we know: from the export itself where it tells, else from what a person asked for."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from importers.dataset.report_text import counted
from importers.message import Chat, Person
from importers.source import ImportFailure

LISTED = 12
"""Candidates named in an error; the rest are counted."""
OWN_ONLY = 20
"""Messages of one single sender in a group, from which on its export held "only my messages", Telegram's default."""


def infer_owner(
    account: str | None, chats: Iterable[Chat], senders: Mapping[str, Mapping[str, int]]
) -> tuple[str, str] | None:
    """Return the id of the export's owner and how it is known, or None where it cannot be known.

    `account` is the user the export names as its own. `senders` maps a chat to who wrote in it. In a personal chat the
    chat's id is the partner's, so whoever else wrote is the owner. Names are never used: they are not unique.
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
    """Return a warning for each group of which one person's messages alone were exported.

    `declared` are chats of which the export itself says so; of others it is told by more than `OWN_ONLY` messages
    under one name.
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
    """Return the person whom `wanted` names: an id, a whole name, or a part of a name that fits one person only."""
    if wanted in people:
        return people[wanted]
    if f"user{wanted}" in people:
        return people[f"user{wanted}"]
    needle = wanted.strip().casefold()
    named = [p for p in people.values() if p.name.casefold() == needle]
    found = named or [p for p in people.values() if needle and needle in p.name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise ImportFailure(f'"{wanted}" may be {len(found)} people', f"name one by id: {candidates(found, counts)}")
    listed = candidates(people.values(), counts)
    hint = f"there is {listed}" if listed else "nobody wrote anything in this export"
    raise ImportFailure(f'nobody here is called "{wanted}"', hint)


def candidates(people: Iterable[Person], counts: Mapping[str, int]) -> str:
    """Return people with their ids and numbers of messages, most messages first, as one line."""
    ordered = sorted(people, key=lambda p: (-counts.get(p.id, 0), p.name, p.id))
    names = [f"{p.name} ({p.id}, {counted(counts.get(p.id, 0), 'message')})" for p in ordered[:LISTED]]
    if len(ordered) > LISTED:
        names.append(f"and {len(ordered) - LISTED} more")
    return ", ".join(names)
