"""Exports in, a persona ready to train: archive, data set and memory in step, or nothing changed at all.

The command line and the app both import through `ingest`. A new persona is built in a folder beside the others and
renamed when it is whole; an existing one is changed in one archive transaction, from which the rest can be made again.
"""

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chatclone import config
from chatclone import persona as personas
from chatclone.archive import Added, Archive
from chatclone.derived import chats_of, partners_of, summary, write_data_set
from chatclone.errors import ChatcloneError
from chatclone.locations import ensure, personas_directory
from chatclone.persona import Persona
from chatclone.remembering import remember
from importers import detect, owner
from importers.dataset import DataSet, build
from importers.message import Message, Person
from importers.reading import ImportFailure, Reading
from importers.redact import Redactor


@dataclass(frozen=True)
class Request:
    """What to import and how; names and ids are as a person types them."""

    paths: Sequence[Path]
    platform: str | None = None
    me: str | None = None
    clone_of: str | None = None
    chats: Sequence[str] = ()
    filter: str = "balanced"
    redact: bool = True
    dry_run: bool = False


@dataclass(frozen=True)
class Ingested:
    """What an import did: the persona (None after a dry run) and the document of contract.md's `import --json`."""

    persona: Persona | None
    document: dict[str, Any]
    data_set: DataSet


@dataclass
class _Tally:
    """Sums over all files of one import."""

    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    repairs: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    added: Added = field(default_factory=lambda: Added(0, 0, 0, 0))
    platform: str = ""
    owner: Person | None = None
    owner_how: str = ""
    writers: set[str] = field(default_factory=set)

    def take(self, reading: Reading, added: Added) -> None:
        """Add what one file held and changed."""
        self.read += reading.read
        self.dropped.update(reading.dropped)
        self.repairs += reading.repairs
        self.warnings += reading.warnings
        sums = (a + b for a, b in zip(_counts(self.added), _counts(added), strict=True))
        self.added = Added(*sums)
        self.platform = reading.platform
        self.writers |= reading.counts.keys()
        if reading.owner and not self.owner:
            self.owner, self.owner_how = reading.owner, reading.owner_how


Progress = Callable[[str, int], None]
"""Told what is being done, and how many messages are through."""


def ingest(
    request: Request,
    home: Path,
    slug: str | None = None,
    *,
    confirm: Callable[[Person], bool] = lambda person: False,
    progress: Progress = lambda what, done: None,
) -> Ingested:
    """Import into the persona `slug`, or the current one if the export is of the same person, or a new one.

    `confirm` is asked before somebody other than the owner is cloned. Raises ChatcloneError and changes nothing when
    a file cannot be read, the person cannot be told, or nothing they wrote answers anything.
    """
    if slug is not None:
        personas.check_slug(slug)
    try:
        existing = _existing(home, slug)
        if existing is not None:
            try:
                return _into(existing, request, home, confirm, progress)
            except _SomebodyElse:
                if slug is not None:
                    raise
        return _as_new(request, home, slug, confirm, progress)
    except ImportFailure as failure:
        raise ChatcloneError(failure.message, failure.hint) from failure


class _SomebodyElse(ChatcloneError):
    """The export is of another person than the persona it would go into."""


def _existing(home: Path, slug: str | None) -> Persona | None:
    wanted = slug or config.load(home).current
    return next((p for p in personas.list_all(home) if p.slug == wanted), None)


def _as_new(
    request: Request,
    home: Path,
    slug: str | None,
    confirm: Callable[[Person], bool],
    progress: Progress,
) -> Ingested:
    """Build a persona in a folder of its own and move it into place when it is whole."""
    root = ensure(personas_directory(home))
    staging = ensure(root / f".new-{time.time_ns()}")
    try:
        done = _into(Persona(folder=staging, name=""), request, home, confirm, progress)
        if done.persona is None:
            return done
        taken = [p.slug for p in personas.list_all(home)]
        folder = root / (slug or personas.slug_of(done.persona.name, taken))
        staging.rename(folder)
        config.set_current(home, folder.name)
        return Ingested(personas.load(folder), done.document, done.data_set)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _into(
    persona: Persona,
    request: Request,
    home: Path,
    confirm: Callable[[Person], bool],
    progress: Progress,
) -> Ingested:
    """Import into `persona`, whose folder exists; the archive is committed only when everything else is ready."""
    started = time.perf_counter()
    archive = Archive(persona.archive_file)
    try:
        with archive.transaction(keep=not request.dry_run):
            tally = _read_all(archive, request, progress)
            target = _target(archive, persona, request, tally)
            consent = _consent(persona, request, tally, target, confirm)
            progress("building the data set", tally.read)
            redactor = Redactor() if request.redact else None
            chats = chats_of(archive, request.chats)
            data_set = build(
                chats,
                target.id,
                archive.people(),
                filter=request.filter,
                redactor=redactor,
            )
            _require_replies(data_set, target, archive)
        document = _document(tally, target, data_set, len(request.paths))
        if not request.dry_run:
            progress("indexing memory", tally.read)
            ids = {**persona.ids, tally.platform: target.id}
            persona = persona.with_(
                name=target.name,
                ids=ids,
                partners=partners_of(archive, archive.people()),
                consent=consent,
            )
            write_data_set(persona, data_set, document, _options(request))
            document["memory"] = {"passages": remember(persona, archive)}
        document["seconds"] = round(time.perf_counter() - started, 3)
        return Ingested(None if request.dry_run else persona, document, data_set)
    finally:
        archive.close()


def _read_all(archive: Archive, request: Request, progress: Progress) -> _Tally:
    tally = _Tally()
    for path in request.paths:
        export = detect.open_export(path, request.platform)
        added = archive.add(export.reading.platform, _counted(export.messages(), path, progress))
        archive.add_names(
            export.reading.platform,
            export.reading.chats.values(),
            export.reading.people.values(),
        )
        tally.take(export.reading, added)
    return tally


def _counted(messages: Iterator[Message], path: Path, progress: Progress) -> Iterator[Message]:
    for number, message in enumerate(messages):
        if number % 5000 == 0:
            progress(f"reading {path.name}", number)
        yield message


def _target(archive: Archive, persona: Persona, request: Request, tally: _Tally) -> Person:
    """Decide whom to clone, and note in `tally` who the owner is and how that is known."""
    people, counts = archive.people(), archive.counts()
    if request.me:
        tally.owner, tally.owner_how = (
            owner.resolve(request.me, people, counts),
            "named by --me",
        )
    known = persona.ids.get(tally.platform, "")
    if not tally.writers:
        raise ChatcloneError("there are no messages in this export", "export a chat that has some")
    if request.clone_of:
        target = owner.resolve(request.clone_of, people, counts)
    elif tally.owner is not None:
        target = people.get(tally.owner.id, tally.owner)
    elif known in tally.writers:
        target = people[known]
        tally.owner_how = "as at the last import"
    else:
        raise ChatcloneError(
            "the export does not say who you are",
            f"--me or --as with one of: {owner.candidates([people[i] for i in tally.writers], counts)}",
        )
    if known and known != target.id:
        raise _SomebodyElse(
            f"{persona.name} is another person than {target.name}, whom this export is of",
            "--persona NEWNAME makes a persona of their own",
        )
    return target


def _consent(
    persona: Persona, request: Request, tally: _Tally, target: Person, confirm: Callable[[Person], bool]
) -> str:
    """Return the record of consent: empty for the owner's own clone, else asked for once."""
    if persona.consent or not request.clone_of or (tally.owner is not None and tally.owner.id == target.id):
        return persona.consent
    if not confirm(target):
        return ""
    return f"{target.name} agreed to be cloned, confirmed {datetime.now(UTC):%Y-%m-%d}"


def _require_replies(data_set: DataSet, target: Person, archive: Archive) -> None:
    if data_set.report.trained:
        return
    wrote = archive.counts()[target.id]
    raise ChatcloneError(
        f"nothing to learn from: {target.name} wrote {wrote} messages, none of them a reply to somebody",
        "export chats with both sides in them, or --as with somebody else",
    )


def _options(request: Request) -> dict[str, Any]:
    return {"filter": request.filter, "redact": request.redact, "chats": list(request.chats)}


def _document(tally: _Tally, target: Person, data_set: DataSet, files: int) -> dict[str, Any]:
    """Return the document of contract.md's `import --json`, all but the memory and the seconds."""
    who = tally.owner
    duplicates, kept = tally.added.duplicates, tally.added.new
    dropped = {
        **tally.dropped,
        **({"forgotten": tally.added.forgotten} if tally.added.forgotten else {}),
    }
    return {
        "platform": tally.platform,
        "files": files,
        "chats": len(data_set.report.to_dict()["chats"]),
        "owner": {"id": who.id, "name": who.name, "how": tally.owner_how} if who else None,
        "persona": {"id": target.id, "name": target.name},
        "messages": {
            "read": tally.read,
            # What was dropped is new only when the export itself is.
            "new": kept if duplicates else tally.read,
            "duplicates": duplicates,
            "edited": tally.added.edited,
            "dropped": dropped,
            "kept": kept,
        },
        **summary(data_set),
        "memory": {"passages": 0},
        "repairs": tally.repairs,
        "warnings": tally.warnings + data_set.report.warnings,
    }


def _counts(added: Added) -> tuple[int, int, int, int]:
    return added.new, added.duplicates, added.edited, added.forgotten
