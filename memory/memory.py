"""The public interface of memory: remember messages, recall them, delete them for good, and check the file.

    with Memory.open(path) as memory:
        memory.sync(lines)
        for hit in memory.recall("whats your cat called").hits: ...

With an embedder it also finds what was said in other words. A Memory may be used from several threads: changes take
turns, and recalling does not wait for them.
"""

import builtins
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from memory import selectors
from memory.embedding.embedder import Embedder, EmbedderError
from memory.index import index_file
from memory.passages import Line
from memory.search.candidates import NOTES_CHAT
from memory.search.recall import Hit, Recall, search
from memory.search.semantic import Embedding, Progress
from memory.selectors import Surroundings
from memory.store import database, integrity, passage_writer
from memory.store.bulk_load import without_checks
from memory.store.sync import Sync, Synced, remove
from memory.store.tombstones import Tombstones
from memory.store.vectors import Coverage, coverage
from memory.text.time_expressions import local_offset
from memory.text.tokenize import count_words

__all__ = ["Coverage", "Memory", "Surroundings", "Synced"]

NOTES = "notes"
"""The chat, and the speaker, that the user's own notes stand under."""
_NOON = 12 * 3600

Kind = Literal["said", "chat"]
"""Of messages: imported, or told to the clone."""


class Memory:
    """What was said, in one file; `open` makes one."""

    def __init__(self, path: Path, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._path = path
        self._writer, self._writing = writer, threading.Lock()
        self._reader, self._reading = reader, threading.Lock()
        self._embedding: Embedding | None = None
        self._in_background = False

    @classmethod
    def open(cls, path: Path, embedder: Embedder | None = None, *, background: bool = False) -> Self:
        """Open the memory in `path`, an empty one where there is none; raises StoreError for any other file.

        With an embedder, `sync` also embeds what is new and `recall` searches by meaning too. In the background the
        model is loaded and used by a thread; until it is ready, memory searches by words alone.
        """
        writer = database.connect(path)
        try:
            memory = cls(path, writer, database.connect(path))
        except BaseException:
            writer.close()
            raise
        if embedder is not None:
            memory._embedding, memory._in_background = Embedding(path, embedder, memory._writing), background
            if background:
                memory._embedding.start()
        return memory

    def close(self) -> None:
        """Close the file and the embedder."""
        if self._embedding is not None:
            self._embedding.close()
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._writing, database.transaction(self._writer) as connection:
            yield connection

    @contextmanager
    def _look(self) -> Iterator[sqlite3.Connection]:
        with self._reading:
            yield self._reader

    def sync(
        self, lines: Iterable[Line], kind: Kind = "said", progress: Callable[[int], None] = lambda through: None
    ) -> Synced:
        """Bring memory in step with `lines`, all there are of a kind: only what is new or edited is indexed.

        Lines that are no longer there go, their bytes overwritten; forgotten ones stay out, other kinds stay. Done
        twice it changes nothing.
        """
        with self._writing, without_checks(self._writer), database.transaction(self._writer) as connection:
            work = Sync(connection, kind, progress)
            work.run(lines, whole=True)
            synced = Synced(work.added, work.removed, selectors.count_passages(connection))
        if synced.removed:
            self._erase()
        if synced.added or synced.removed:
            self._embed_new()  # the passages around what is gone were made anew, too
        return synced

    def tell(self, lines: Iterable[Line], kind: Kind = "chat") -> Synced:
        """Remember a few more lines, or newer words of known ones, without going through all the others."""
        with self._change() as connection:
            work = Sync(connection, kind, lambda through: None)
            work.run(lines, whole=False)
            told = Synced(work.added, work.removed, selectors.count_passages(connection))
        if told.added or told.removed:
            self._embed_new()
        return told

    def recall(
        self,
        query: str,
        *,
        words: int = 400,
        exclude: Collection[str] = (),
        before: int | None = None,
        now: int | None = None,
        asked: str | None = None,
        asker: str | None = None,
    ) -> Recall:
        """Return what was said about `query`, best first, within a budget of `words`; nothing where nothing fits.

        Notes for today come first, whatever is asked. Messages whose text is in `exclude` (what stands in the prompt
        already) are left out; with `before`, in Unix seconds, so is everything from then on, and there is no today.
        `now`, in Unix seconds, is the moment that "today" and "last summer" are counted from, in the reader's time
        zone. `asked` and `asker` are the names of who is spoken to ("your cat") and who speaks ("my cat"): what these
        said themselves then counts for more.
        """
        started = time.perf_counter()
        moment = int(time.time()) if now is None else now
        local = moment + local_offset(moment)
        dense = self._open_embedding()
        with self._look() as connection:
            today = [] if before is not None else selectors.notes_of(connection, datetime.fromtimestamp(moment).date())
            hits = selectors.fitting(today, words, exclude)
            words -= sum(count_words(hit.text) for hit in hits)
            exclude = [*exclude, *(hit.text.partition(": ")[2] for hit in hits)]
            ways = (dense.dense(connection, query), None) if dense else (None,)
            for way in ways:
                try:
                    hits += search(
                        connection, query, words=words, exclude=exclude, before=before, dense=way, now=local,
                        asked=asked, asker=asker,
                    )  # fmt: skip
                    break
                except EmbedderError:
                    continue  # it failed in the middle of a question; words alone still answer
        return Recall(hits, sum(count_words(hit.text) for hit in hits), 1000 * (time.perf_counter() - started))

    def add(self, text: str, when: int, day: date | None = None) -> int:
        """Remember a note of the user's, which ranks first where it matches, and return its passage's id.

        A note for a day is recalled on that day whatever is asked.
        """
        if day is not None:
            when = int(datetime(day.year, day.month, day.day).timestamp()) + _NOON
        note = Line(f"note:{uuid.uuid4().hex}", NOTES_CHAT, NOTES, NOTES, when, text, local_offset(when))
        with self._change() as connection:
            number = passage_writer.insert_note(connection, note, day.isoformat() if day else None)
        self._embed_new()
        return number

    def notes_for(self, day: date) -> tuple[Hit, ...]:
        """Return the notes for a day, in the order they were written."""
        with self._look() as connection:
            return tuple(selectors.notes_of(connection, day))

    def list(self, limit: int = 50, offset: int = 0) -> tuple[Hit, ...]:
        """Return remembered passages, latest first; nothing was asked, so their score is 0."""
        with self._look() as connection:
            return selectors.list_passages(connection, limit, offset)

    def show(self, passage: int) -> Surroundings | None:
        """Return a passage and the lines around it in its chat, or None where there is none with this id."""
        with self._look() as connection:
            return selectors.surroundings(connection, passage)

    def knows(self, key: str) -> bool:
        """Tell whether the message with this key is remembered."""
        with self._look() as connection:
            return connection.execute("SELECT 1 FROM line WHERE key = ?", (key,)).fetchone() is not None

    def forget(
        self,
        *,
        passage: int | None = None,
        person: str | None = None,
        chat: str | None = None,
        key: str | None = None,
        span: tuple[int, int] | None = None,
    ) -> int:
        """Remove the lines that fulfil any of these for good, and return how many they were.

        `passage` takes its messages; `person` (a name), `chat` (an id or a name) and `span` (from, until before, in
        seconds of the clock where it was written) also keep out what a later sync brings of them. Bytes are
        overwritten, vectors too. What others said about a person stays, and so do notes, unless named by passage or
        key.
        """
        with self._change() as connection:
            chats = selectors.chats_called(connection, chat)
            gone = selectors.lines_meant(connection, passage=passage, person=person, chats=chats, key=key, span=span)
            tombstones = Tombstones(connection)
            tombstones.bury("line", [line.key for line in gone.values()] + ([key] if key is not None else []))
            tombstones.bury("person", [person] if person is not None else [])
            tombstones.bury("chat", chats)
            if span is not None:
                tombstones.bury_span(*span)
            remove(connection, gone)
        self.compact()
        if gone:
            self._embed_new()  # the passages around what is gone were made anew
        return len(gone)

    def count(self) -> int:
        """Return how many passages are remembered."""
        with self._look() as connection:
            return selectors.count_passages(connection)

    def embed(self, seconds: float | None = None, progress: Progress = lambda done, total: None) -> int:
        """Embed what has no vector yet, evenly over all that was said, for so many seconds; return how many are left.

        What is done is kept when this is interrupted. Raises EmbedderError where there is no embedder that works.
        """
        if self._embedding is None:
            raise EmbedderError("there is no embedder")
        return self._embedding.embed(seconds, progress)

    def coverage(self) -> Coverage:
        """Return how many passages search by meaning knows, and how many it does not know yet."""
        with self._look() as connection:
            return coverage(connection)

    @property
    def problem(self) -> str:
        """Why search by meaning is off although there is an embedder; empty while nothing is wrong."""
        return self._embedding.problem if self._embedding else ""

    @property
    def embedder_choice(self) -> str:
        """The embedder chosen for this memory, empty where none was: see `embedder.choose_model`."""
        with self._look() as connection:
            return database.get_state(connection, "embedder") or ""

    @embedder_choice.setter
    def embedder_choice(self, choice: str) -> None:
        with self._change() as connection:
            database.set_state(connection, "embedder", choice)

    def check(self) -> builtins.list[str]:
        """Return what is wrong with the file, its windows, indexes, vectors or tombstones; nothing when it is sound."""
        with self._writing:
            return builtins.list(integrity.problems(self._writer, self._path))

    def compact(self) -> None:
        """Write the file anew: pages that were divided keep copies of what was deleted."""
        with self._writing:
            self._writer.execute("VACUUM")
        self._erase()

    def rebuild(self) -> None:
        """Make passages and indexes anew from the messages, which repairs all that `check` finds but a damaged file."""
        with self._change() as connection:
            passage_writer.rebuild_index(connection)
        with self._writing:
            self._writer.execute("VACUUM")
            database.erase_traces(self._writer)
            index_file.file_of(self._path).unlink(missing_ok=True)  # it holds vectors of what was deleted
        if self._embedding is not None:
            self._embedding.reload()

    def _open_embedding(self) -> Embedding | None:
        """Return the embedding if a question can be put to it."""
        if self._embedding is None or (not self._in_background and not self._embedding.open()):
            return None
        return self._embedding

    def _embed_new(self) -> None:
        if self._embedding is None:
            return
        if self._in_background:
            self._embedding.wake()
        else:
            with suppress(EmbedderError):  # `problem` tells, and what was said is found by its words
                self._embedding.embed()

    def _erase(self) -> None:
        """Overwrite what was deleted, in the store, its log and the index."""
        with self._writing:
            database.erase_traces(self._writer)
            index_file.file_of(self._path).unlink(missing_ok=True)
            if self._embedding is not None:
                self._embedding.rewrite(self._writer)
