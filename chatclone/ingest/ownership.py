"""Whose export it is and whom to clone: told by the export, by the options, or by asking."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from chatclone.archive.archive import Archive
from chatclone.archive.forgotten import NAME
from chatclone.errors import ChatcloneError
from chatclone.ingest.into_archive import Tally
from chatclone.ingest.stored_report import read_report
from chatclone.personas.persona import Persona
from importers import owner, registry
from importers.message import Person

AGAIN = "as at the last import"
"""How the owner is known where nothing but an earlier import tells."""
Candidate = tuple[Person, int]
"""Somebody who wrote, and how many messages."""


class Asking(Protocol):
    """How a person is asked what no export tells; None or False where nobody can be asked."""

    def who_are_you(self, candidates: Sequence[Candidate]) -> Person | None:
        """Return which of these is the person whose export it is, most messages first."""
        ...

    def agreed(self, person: Person, *, owner_known: bool) -> bool | None:
        """Return whether somebody who is not known to be the owner agreed to be cloned; None where nobody answers."""
        ...


class NoAnswers:
    """Nobody is there to be asked."""

    def who_are_you(self, candidates: Sequence[Candidate]) -> Person | None:
        """Return nobody."""
        return None

    def agreed(self, person: Person, *, owner_known: bool) -> bool | None:
        """Return no answer."""
        return None


class SomebodyElse(ChatcloneError):
    """The export is of another person, known by this id, than the persona it would go into."""

    def __init__(self, message: str, hint: str, platform: str, person: str, **values: object) -> None:
        super().__init__(message, hint, **values)
        self.platform, self.person = platform, person


@dataclass(frozen=True)
class Wanted:
    """Whom the options name, as a person typed it."""

    me: str | None = None
    clone_of: str | None = None


def target(archive: Archive, persona: Persona, wanted: Wanted, tally: Tally, asking: Asking) -> Person:
    """Decide whom to clone, and note in `tally` who the owner is and how that is known."""
    people, counts = archive.people(tally.platform), archive.counts(tally.platform)
    if not tally.writers:
        raise ChatcloneError("there are no messages in this export", "export a chat that has some")
    known = persona.ids.get(tally.platform, "")
    known = tally.joined.people.get(known, known)
    if wanted.me:
        tally.owner, tally.owner_how = owner.resolve(wanted.me, people, counts), "named by --me"
    if wanted.clone_of:
        found = owner.resolve(wanted.clone_of, people, counts)
        if tally.owner is None and found.id == known and _is_own(persona):
            tally.owner, tally.owner_how = found, AGAIN
    else:
        found = _owner(archive, persona, known, tally, asking)
    if known and known != found.id:
        found = _same_by_name(archive, persona, known, found, tally, wanted)
    return found


def _owner(archive: Archive, persona: Persona, known: str, tally: Tally, asking: Asking) -> Person:
    people = archive.people(tally.platform)
    if tally.owner is not None:
        return people.get(tally.owner.id, tally.owner)
    if known in tally.writers and known in people:
        if _is_own(persona):
            tally.owner, tally.owner_how = people[known], AGAIN
        return people[known]
    counts = archive.counts(tally.platform)
    writers = [people[i] for i in tally.writers if i in people]
    is_person = registry.source(tally.platform).is_person
    writers = [p for p in writers if is_person(p.id)] or writers
    ordered = sorted(writers, key=lambda p: (-counts[p.id], p.name, p.id))
    answer = asking.who_are_you([(p, counts[p.id]) for p in ordered])
    if answer is None:
        raise ChatcloneError(
            "the export does not say who you are",
            "use --me or --as with one of: {candidates}",
            candidates=owner.candidates(ordered, counts),
        )
    tally.owner, tally.owner_how = answer, "you said so"
    return answer


def _is_own(persona: Persona) -> bool:
    """Tell whether this is a clone of the owner, and not of somebody whom `--as` named, whether they agreed or not."""
    if persona.consent:
        return False
    try:
        before = read_report(persona.dataset_folder).last_import
    except ChatcloneError:  # deleted or damaged: a clone without a recorded consent is taken for the owner's
        return True
    return before.owner is not None and before.owner.id == before.persona.id


def _same_by_name(
    archive: Archive, persona: Persona, known: str, found: Person, tally: Tally, wanted: Wanted
) -> Person:
    """Return the persona where an export without ids calls its owner by the persona's name; else it is somebody else.

    A name alone never makes two people one, but here the owner of both exports is the same account's.
    """
    by_name = known.startswith(NAME) != found.id.startswith(NAME)
    names = {person.name for i, person in archive.people(tally.platform).items() if i == known} | {persona.name}
    if not by_name or found.name not in names or wanted.clone_of:
        hint = "add --persona NEWNAME for a persona of their own"
        if known in tally.writers:
            hint += ", or --as {known} to add to {name}"
        raise SomebodyElse(
            "this export is of {other} ({other_id}), not of {name} ({known})",
            hint,
            tally.platform,
            found.id,
            other=found.name,
            other_id=found.id,
            name=persona.name,
            known=known,
        )
    stays, goes = (found.id, known) if known.startswith(NAME) else (known, found.id)
    archive.rename_person(tally.platform, goes, stays)
    tally.writers = {stays if writer == goes else writer for writer in tally.writers}
    tally.warnings.append(
        f"{found.name} of the HTML export was taken to be {stays}, as both exports are {found.name}'s"
    )
    same = archive.people(tally.platform).get(stays, Person(stays, found.name))
    tally.owner = same if tally.owner and tally.owner.id in (goes, stays) else tally.owner
    return same


def consent(persona: Persona, tally: Tally, found: Person, asking: Asking) -> str:
    """Return the record of consent: empty for the owner's own clone, else what was answered, asked for once.

    Where nobody can be asked the import goes on, with a warning, and the next one asks.
    """
    own = tally.owner is not None and tally.owner.id == found.id
    if persona.consent or own:
        return persona.consent
    answer = asking.agreed(found, owner_known=tally.owner is not None)
    if answer is None:
        tally.warnings.append(
            f"nobody confirmed that {found.name} agreed to be cloned; --they-agreed says so, and is recorded"
        )
        return ""
    if not answer:
        raise ChatcloneError("{name} did not agree to be cloned", "clone somebody who agrees", name=found.name)
    return f"{found.name} agreed to be cloned, confirmed {datetime.now(UTC):%Y-%m-%d}"


class CachedAnswers:
    """Asks each thing once, though an import may be tried twice: into the current persona and then into a new one."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._said: dict[object, Person | bool | None] = {}

    def who_are_you(self, candidates: Sequence[Candidate]) -> Person | None:
        """Return the first answer to this question."""
        asked = frozenset(person.id for person, _ in candidates)
        if asked not in self._said:
            self._said[asked] = self._asking.who_are_you(candidates)
        answer = self._said[asked]
        return answer if isinstance(answer, Person) else None

    def agreed(self, person: Person, *, owner_known: bool) -> bool | None:
        """Return the first answer to this question."""
        if person.id not in self._said:
            self._said[person.id] = self._asking.agreed(person, owner_known=owner_known)
        answer = self._said[person.id]
        return answer if isinstance(answer, bool) else None
