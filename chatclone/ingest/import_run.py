"""Exports in, a persona ready to train: archive, data set and memory in step, or nothing changed at all.

The command line and the app both import through `ingest`. A new persona is built in a folder beside the others and
renamed when it is whole; an existing one is changed in one archive transaction, from which the rest can be made again.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatclone import config
from chatclone.archive.archive import Archive
from chatclone.errors import ChatcloneError
from chatclone.ingest import ownership
from chatclone.ingest.dataset_files import chats_of, make_data_set, partners_of, summary, write_data_set
from chatclone.ingest.into_archive import Progress, Tally, add_exports
from chatclone.ingest.ownership import Asking, CachedAnswers, NoAnswers, SomebodyElse, Wanted
from chatclone.ingest.stored_report import DataOptions
from chatclone.paths import ensure, personas_directory
from chatclone.personas import persona as personas
from chatclone.personas.persona import Persona
from chatclone.recall.persona_memory import remember
from chatclone.storage.locks import ProcessMark, is_running
from importers.dataset.build import DataSet
from importers.filters.chat_balance import SHARE
from importers.message import Person
from importers.source import ImportFailure

STAGING = ".new"
"""Name of the folder in which a persona is built, before a dash and the mark of the process that builds it."""


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
    pseudonyms: bool = False
    chat_share: float = SHARE
    dry_run: bool = False


@dataclass(frozen=True)
class Ingested:
    """What an import did: the persona (None after a dry run) and the document of contract.md's `import --json`."""

    persona: Persona | None
    document: dict[str, Any]
    data_set: DataSet


def ingest(
    request: Request,
    home: Path,
    slug: str | None = None,
    *,
    asking: Asking | None = None,
    progress: Progress = lambda what, done: None,
) -> Ingested:
    """Import into the persona `slug`, else into that of the person whom the export is of, or into a new one.

    `asking` asks whose export it is where that cannot be known, and whether somebody else who is to be cloned agreed.
    Raises ChatcloneError and changes nothing when a file cannot be read, the person cannot be told, or nothing they
    wrote answers anything.
    """
    if slug is not None:
        personas.check_slug(slug)
    _remove_remains(personas_directory(home))
    job = _Job(request, home, CachedAnswers(asking or NoAnswers()), progress)
    try:
        existing = _existing(home, slug)
        if existing is not None:
            try:
                return job.into(existing)
            except SomebodyElse as other:
                if slug is not None:
                    raise
                if known := _of_person(home, other.platform, other.person):
                    return job.into_other(known)
        return job.as_new(slug)
    except ImportFailure as failure:
        raise ChatcloneError(failure.templates[0], failure.templates[1], **failure.values) from failure


def _remove_remains(root: Path) -> None:
    """Remove the folders of imports that were killed; those whose process still runs stay."""
    for folder in root.glob(f"{STAGING}-*"):
        if folder.is_dir() and not is_running(root / STAGING, folder.name.removeprefix(f"{STAGING}-")):
            shutil.rmtree(folder, ignore_errors=True)


def _existing(home: Path, slug: str | None) -> Persona | None:
    wanted = slug or config.load(home).current
    return next((p for p in personas.list_all(home) if p.slug == wanted), None)


def _of_person(home: Path, platform: str, person: str) -> Persona | None:
    return next((p for p in personas.list_all(home) if p.ids.get(platform) == person), None)


@dataclass(frozen=True)
class _Job:
    """One import, into whichever persona it turns out to be for."""

    request: Request
    home: Path
    asking: Asking
    progress: Progress

    def as_new(self, slug: str | None) -> Ingested:
        """Build a persona in a folder of its own and move it into place when it is whole."""
        root = ensure(personas_directory(self.home))
        mark = ProcessMark(root / STAGING)
        staging = ensure(root / f"{STAGING}-{mark.name}")
        try:
            done = self.into(Persona(folder=staging, name=""))
            if done.persona is None:
                return done
            taken = [p.slug for p in personas.list_all(self.home)]
            folder = root / (slug or personas.slug_of(done.persona.name, taken))
            staging.rename(folder)
            config.set_current(self.home, folder.name)
            return Ingested(personas.load(folder), done.document, done.data_set)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            mark.remove()

    def into_other(self, persona: Persona) -> Ingested:
        """Import into a persona that is not the current one, and make it that."""
        done = self.into(persona)
        if done.persona is not None:
            config.set_current(self.home, persona.slug)
        return done

    def into(self, persona: Persona) -> Ingested:
        """Import into `persona`, whose folder exists; the archive is committed when everything else is ready."""
        started = time.perf_counter()
        request = self.request
        wanted = Wanted(request.me, request.clone_of)
        archive = Archive(persona.archive_file)
        try:
            with archive.transaction(keep=not request.dry_run):
                tally = add_exports(archive, request.paths, request.platform, self.progress)
                target = ownership.target(archive, persona, wanted, tally, self.asking)
                agreed = "" if request.dry_run else ownership.consent(persona, tally, target, self.asking)
                self.progress("building the data set", tally.read)
                data_set = self._build(archive, target)
                _require_replies(data_set, target, archive, tally)
            document = _document(tally, target, data_set)
            if not request.dry_run:
                persona = self._settle(persona, archive, target, agreed, tally, data_set, document)
            document["seconds"] = round(time.perf_counter() - started, 3)
            return Ingested(None if request.dry_run else persona, document, data_set)
        finally:
            archive.close()

    def _build(self, archive: Archive, target: Person) -> DataSet:
        return make_data_set(archive, chats_of(archive, self.request.chats), target.id, self._options())

    def _options(self) -> DataOptions:
        """Return the options that would make the same data set again."""
        request = self.request
        return DataOptions(request.filter, request.redact, list(request.chats), request.pseudonyms, request.chat_share)

    def _settle(
        self,
        persona: Persona,
        archive: Archive,
        target: Person,
        agreed: str,
        tally: Tally,
        data_set: DataSet,
        document: dict[str, Any],
    ) -> Persona:
        """Write everything that is made from the archive, and return the persona as it is now."""
        self.progress("indexing memory", tally.read)
        persona = persona.update(
            name=target.name,
            ids={**persona.ids, tally.platform: target.id},
            partners=partners_of(archive, target.id),
            consent=agreed,
            languages=tuple(data_set.report.languages),
        )
        write_data_set(persona, data_set, document, self._options())
        document["memory"] = {"passages": remember(persona, archive)}
        return persona


def _require_replies(data_set: DataSet, target: Person, archive: Archive, tally: Tally) -> None:
    if data_set.report.trained:
        return
    wrote, forgotten = archive.counts(tally.platform)[target.id], tally.dropped["forgotten"]
    if forgotten and not wrote:
        raise ChatcloneError(
            "nothing to learn from: all {count} messages of this export were forgotten, and stay out",
            "import other chats",
            count=forgotten,
        )
    raise ChatcloneError(
        "nothing to learn from: none of {count} messages by {name} answers somebody",
        "export chats with both sides in them, or choose another person with --as",
        count=wrote,
        name=target.name,
    )


def _document(tally: Tally, target: Person, data_set: DataSet) -> dict[str, Any]:
    """Return the document of contract.md's `import --json`, all but the memory and the seconds."""
    who = tally.owner
    return {
        "platform": tally.platform,
        "files": tally.files,
        "chats": len(data_set.report.to_dict()["chats"]),
        "owner": {"id": who.id, "name": who.name, "how": tally.owner_how} if who else None,
        "persona": {"id": target.id, "name": target.name},
        "messages": {
            "read": tally.read,
            "new": tally.new,
            "duplicates": tally.duplicates,
            "edited": tally.edited,
            "dropped": dict(tally.dropped),
            "kept": tally.kept,
        },
        **summary(data_set),
        "memory": {"passages": 0},
        "repairs": tally.repairs,
        "warnings": tally.warnings + data_set.report.warnings,
    }
