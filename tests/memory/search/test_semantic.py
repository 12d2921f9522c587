"""Search by meaning: what is embedded, when, and that nothing forgotten or foreign is ever found."""

import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memory.embedding.embedder import EmbedderError
from memory.memory import Memory
from memory.passages import Line
from memory.search import semantic as embeddings
from memory.search.dense_hits import Nearest
from memory.search.semantic import Embedding
from memory.store.database import connect
from memory.store.vectors import Coverage, waiting
from tests.embedders import HashEmbedder

pytest.importorskip("numpy")
Said = Callable[..., Line]
GAP = 24 * 3600
MEANS = {"feline": "cat", "automobile": "car"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the memory lies."""
    return tmp_path / "memory.sqlite"


@pytest.fixture
def talks(said: Said) -> list[Line]:
    """Twelve messages, each a session of its own, so that each is one passage."""
    words = "cat car sea tree piano bread snow train shoe lamp river stone".split()
    return [said(n, f"about the {word} again", when=n * GAP) for n, word in enumerate(words)]


def opened(memory: Memory) -> Embedding:
    """Return a memory's embedding with model and index loaded."""
    embedding = memory._embedding
    assert embedding is not None and embedding.open()
    return embedding


def nearest(memory: Memory, question: str, count: int = 3) -> Nearest:
    """Return what search by meaning alone finds."""
    with memory._look() as connection:
        dense = opened(memory).dense(connection, question)
        assert dense is not None
        return dense(question, count)


def texts(memory: Memory, found: Nearest) -> list[str]:
    """Return the words of passages that were found."""
    shown = [memory.show(passage) for passage, _ in found.passages]
    return [line.text for one in shown if one for line in one.passage.lines]


class TestSync:
    """Sync with an embedder."""

    def test_only_new_passages_are_embedded(self, path: Path, talks: list[Line]) -> None:
        """The same archive again embeds nothing, one message more is one passage more."""
        embedder = HashEmbedder()
        with Memory.open(path, embedder) as memory:
            memory.sync(talks[:-1])
            assert len(embedder.embedded) == 11
            memory.sync(talks[:-1])
            assert len(embedder.embedded) == 11
            memory.sync(talks)
            assert embedder.embedded[11:] == ["1970-01-12 Anna: about the stone again"]
            assert memory.coverage() == Coverage("hash", 12, 0)
            assert memory.check() == []
        assert embedder.closed

    @pytest.mark.parametrize("change", ["sync", "tell"])
    def test_passages_around_a_removed_message_are_embedded(self, path: Path, said: Said, change: str) -> None:
        """Its neighbours stand in a passage made anew, though no message is new."""
        lines = [said(0, "about the cat"), said(1, "about the car")]
        with Memory.open(path, HashEmbedder()) as memory:
            memory.sync(lines)
            if change == "sync":
                memory.sync(lines[1:])
            else:
                memory.tell([said(0, " ")], kind="said")
            assert memory.coverage() == Coverage("hash", 1, 0)
            assert texts(memory, nearest(memory, "car")) == ["about the car"]

    def test_it_finds_what_was_said_in_other_words(self, path: Path, talks: list[Line]) -> None:
        """A word nobody wrote finds its meaning, with a cosine that stands out of this memory's."""
        with Memory.open(path, HashEmbedder(MEANS)) as memory:
            memory.sync(talks)
            found = nearest(memory, "feline", 1)
            assert texts(memory, found) == ["about the cat again"]
            assert found.passages[0][1] > found.mean + 2 * found.deviation

    def test_mean_and_deviation_are_over_all_passages(self, path: Path, talks: list[Line]) -> None:
        """They are what comparing the question with every stored passage gives."""
        embedder = HashEmbedder()
        with Memory.open(path, embedder) as memory:
            memory.sync(talks)
            found = nearest(memory, "the car", 12)
            cosines = np.array([cosine for _, cosine in found.passages])
            assert len(cosines) == 12
            assert found.mean == pytest.approx(cosines.mean(), abs=1e-5)
            assert found.deviation == pytest.approx(cosines.std(), abs=1e-5)

    def test_a_question_is_embedded_once(self, path: Path, talks: list[Line]) -> None:
        """A reply may recall twice with different budgets."""
        embedder = HashEmbedder()
        with Memory.open(path, embedder) as memory:
            memory.sync(talks)
            for words in (400, 200):
                memory.recall("what about the cat", words=words)
            assert embedder.asked == ["what about the cat"]


class TestAnotherEmbedder:
    """A changed model."""

    @pytest.mark.parametrize(("model", "dimension"), [("other", 64), ("hash", 32)])
    def test_everything_is_embedded_again(self, path: Path, talks: list[Line], model: str, dimension: int) -> None:
        """Vectors of another model, or another length, are replaced and never compared with."""
        with Memory.open(path, HashEmbedder()) as memory:
            memory.sync(talks)
        other = HashEmbedder(MEANS, model=model, dimension=dimension)
        with Memory.open(path, other) as memory:
            assert opened(memory).dense(memory._reader, "feline") is None, "not embedded yet"
            assert memory.embed() == 0
            assert len(other.embedded) == 12
            assert texts(memory, nearest(memory, "feline", 1)) == ["about the cat again"]
            assert memory.coverage() == Coverage(model, 12, 0)
            assert memory.check() == []


class TestInterrupted:
    """Embedding takes long, and is not lost."""

    @pytest.fixture(autouse=True)
    def small_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Four passages at a time."""
        monkeypatch.setattr(embeddings, "BATCH", 4)

    def test_what_is_done_is_kept(self, path: Path, talks: list[Line]) -> None:
        """After Ctrl+C in the third batch the next run embeds only the rest."""
        with Memory.open(path) as memory:
            memory.sync(talks)
        first = HashEmbedder()

        def interrupt(done: int, total: int) -> None:
            assert total == 12
            if done == 8:
                raise KeyboardInterrupt

        with Memory.open(path, first) as memory, pytest.raises(KeyboardInterrupt):
            memory.embed(progress=interrupt)
        second = HashEmbedder()
        with Memory.open(path, second) as memory:
            assert memory.coverage() == Coverage("hash", 8, 4)
            assert memory.embed() == 0
            assert len(second.embedded) == 4
            assert set(first.embedded).isdisjoint(second.embedded)
            assert len(nearest(memory, "cat", 12).passages) == 12

    def test_time_is_limited(self, path: Path, talks: list[Line]) -> None:
        """With no time left nothing is begun, and what waits is told."""
        with Memory.open(path) as memory:
            memory.sync(talks)
        with Memory.open(path, HashEmbedder()) as memory:
            assert memory.embed(seconds=0) == 12
            assert memory.coverage().embedded == 0

    def test_words_alone_answer_until_enough_is_embedded(
        self, path: Path, talks: list[Line], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A sixth of the passages is enough, whoever embedded them; with less, meaning keeps still."""
        monkeypatch.setattr(embeddings, "BATCH", 1)

        def interrupt(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with Memory.open(path) as memory:
            memory.sync(talks)
        with Memory.open(path, HashEmbedder()) as memory, Memory.open(path, HashEmbedder()) as other:
            embedding = opened(other)
            for embedded in (1, 2):
                with pytest.raises(KeyboardInterrupt):
                    memory.embed(progress=interrupt)
                assert memory.coverage().embedded == embedded
                with other._look() as connection:
                    assert (embedding.dense(connection, "cat") is not None) is (embedded == 2)
            assert "cat" in other.recall("cat").hits[0].text

    def test_what_is_done_lies_evenly(self, path: Path, said: Said) -> None:
        """A third holds every message, any beginning is spread over the whole talk, and what was noted goes first."""
        with Memory.open(path) as memory:
            memory.sync([said(n, f"text {n}", when=n) for n in range(302)])
            note = memory.add("a note", 1)
            memory.tell([said(900, "told", chat="chatclone:1", when=1)])
        with closing(connect(path)) as connection:
            order = waiting(connection, None)
            assert {note, *order[:2]} == {note, note + 1}
            imported = order[2:]
            assert sorted(imported) == list(range(1, 301))
            held = {line for n in imported[:100] for line in range(n, n + 3)}
            assert held >= set(range(3, 301))
            for part in (10, 30, 70, 150):
                places = sorted([0, *imported[:part], 301])
                assert max(b - a for a, b in pairwise(places)) <= 3 * 300 / part

    def test_a_model_that_fails_leaves_search_by_words(self, path: Path, talks: list[Line]) -> None:
        """The error is told once, what was embedded stays, and recalling goes on."""
        embedder = HashEmbedder()
        embedder.breaks_after = 4
        with Memory.open(path, embedder) as memory:
            memory.sync(talks)
            assert memory.problem == "searching by words alone: out of order"
            assert memory.recall("cat").hits[0].text.endswith("about the cat again")
            assert memory.coverage().embedded == 4
            with pytest.raises(EmbedderError, match="out of order"):
                memory.embed()
        with Memory.open(path) as memory, pytest.raises(EmbedderError, match="no embedder"):
            memory.embed()


class TestForgotten:
    """Nothing forgotten is found again, and its vector is in no file."""

    @pytest.mark.parametrize("again", [False, True])
    def test_no_ghosts(self, path: Path, talks: list[Line], again: bool) -> None:
        """A forgotten passage is absent before and after the memory is opened again."""
        with Memory.open(path, HashEmbedder()) as memory:
            memory.sync(talks)
            assert texts(memory, nearest(memory, "cat", 1)) == ["about the cat again"]
            memory.forget(key=talks[0].key)
            if not again:
                assert "about the cat again" not in texts(memory, nearest(memory, "cat", 12))
        with Memory.open(path, HashEmbedder()) as memory:
            assert len(nearest(memory, "cat", 12).passages) == 11
            assert memory.check() == []

    def test_a_row_that_vanished_is_no_hit(self, path: Path, talks: list[Line]) -> None:
        """Another process deletes a passage while this one's index still has it."""
        with Memory.open(path, HashEmbedder()) as memory:
            memory.sync(talks)
            nearest(memory, "cat")
            with Memory.open(path) as other:
                other.forget(key=talks[0].key)
            assert "about the cat again" not in texts(memory, nearest(memory, "cat", 12))

    def test_the_bytes_of_text_and_vector_are_gone(self, path: Path, talks: list[Line]) -> None:
        """No file holds the words or the vector of what was forgotten: store, log and index."""
        embedder = HashEmbedder()
        secret = Line("telegram:c9/1", "c9", "c9", "Zoe", 99 * GAP, "zanzibarian treasure")

        def held() -> dict[str, bool]:
            data = b"".join(p.read_bytes() for p in path.parent.iterdir())
            return {name: piece in data for name, piece in pieces.items()}

        with Memory.open(path, embedder) as memory:
            memory.sync([*talks, secret])
            with closing(connect(path)) as connection:
                half = connection.execute("SELECT value FROM vector ORDER BY passage DESC LIMIT 1").fetchone()[0]
            pieces = {"word": b"zanzibar", "vector": half, "name": b"Zoe"}
            assert held() == dict.fromkeys(pieces, True)
            assert half in path.with_suffix(".faiss").read_bytes(), "the index keeps it as well"
            memory.forget(person="Zoe")
            assert held() == dict.fromkeys(pieces, False)
        assert held() == dict.fromkeys(pieces, False)


class TestCacheFile:
    """memory.faiss is made from the store whenever it is not what the store says."""

    @pytest.fixture(autouse=True)
    def faiss_there(self) -> None:
        """Without FAISS there is no such file."""
        pytest.importorskip("faiss")

    def test_it_is_written_and_used(self, path: Path, talks: list[Line], monkeypatch: pytest.MonkeyPatch) -> None:
        """The next process reads the file and builds nothing."""
        with Memory.open(path, HashEmbedder()) as memory:
            memory.sync(talks)
        assert path.with_suffix(".faiss").exists()
        monkeypatch.setattr(embeddings, "build", None)
        with Memory.open(path, HashEmbedder()) as memory:
            assert len(nearest(memory, "cat", 20).passages) == 12

    @pytest.mark.parametrize("what", ["truncated", "emptied", "foreign", "another memory's", "gone"])
    def test_any_other_file_is_rebuilt(self, path: Path, talks: list[Line], said: Said, what: str) -> None:
        """Every passage is found, and nothing else."""
        with Memory.open(path, HashEmbedder()) as memory:
            memory.sync(talks)
        file = path.with_suffix(".faiss")
        data = file.read_bytes()
        match what:
            case "truncated":
                file.write_bytes(data[: len(data) // 3])
            case "emptied":
                file.write_bytes(b"")
            case "foreign":
                file.write_bytes(b"not an index at all" * 100)
            case "gone":
                file.unlink()
            case _:
                (path.parent / "other").mkdir()
                with Memory.open(path.parent / "other" / "memory.sqlite", HashEmbedder()) as other:
                    other.sync([said(n, "something else", when=n * GAP) for n in range(12)])
                file.write_bytes((path.parent / "other" / "memory.faiss").read_bytes())
        with Memory.open(path, HashEmbedder()) as memory:
            assert texts(memory, nearest(memory, "cat", 1)) == ["about the cat again"]
            assert len(nearest(memory, "cat", 20).passages) == 12
            assert memory.check() == []

    def test_what_was_added_since_is_read_from_the_store(self, path: Path, talks: list[Line]) -> None:
        """An older file is right again once the index has what it lacks; one that has too much is made anew."""
        file = path.with_suffix(".faiss")
        with Memory.open(path, HashEmbedder()) as memory:
            memory.sync(talks[:6])
            few = file.read_bytes()
            memory.sync(talks)
            many = file.read_bytes()
        file.write_bytes(few)
        with Memory.open(path, HashEmbedder()) as memory:
            assert len(nearest(memory, "cat", 20).passages) == 12
            memory.forget(key=talks[0].key)
        file.write_bytes(many)
        with Memory.open(path, HashEmbedder()) as memory:
            embedding = memory._embedding
            assert embedding is not None and embedding.open()
            assert embedding._index is not None
            assert len(embedding._index.ids()) == 11

    def test_check_compares_it_with_the_store(self, path: Path, talks: list[Line]) -> None:
        """An index that claims to be of this state and is not is found out, and rebuild mends it."""
        with Memory.open(path, HashEmbedder()) as memory:
            memory.sync(talks)
            with closing(connect(path)) as connection:
                connection.execute("DROP TRIGGER vector_goes")
                connection.execute("DELETE FROM vector WHERE passage = 1")
                connection.execute("UPDATE vector SET value = zeroblob(128) WHERE passage = 2")
            assert memory.check() == [
                "memory.faiss holds other vectors than the store",
                "memory.faiss has 1 vectors of passages that are gone",
            ]
            memory.rebuild()
            assert memory.check() == []


def test_without_faiss_numpy_finds_the_same(path: Path, talks: list[Line], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same passages with the same cosines; there is no index file, and no need of one."""
    found = []
    for without in (False, True):
        if without:
            monkeypatch.setitem(sys.modules, "faiss", None)
        with Memory.open(path.with_name(f"{without}.sqlite"), HashEmbedder(MEANS)) as memory:
            memory.sync(talks)
            memory.forget(key=talks[3].key)
            found.append(nearest(memory, "feline automobile", 12))
            assert memory.check() == []
    assert [passage for passage, _ in found[0].passages] == [passage for passage, _ in found[1].passages]
    assert [c for _, c in found[0].passages] == pytest.approx([c for _, c in found[1].passages], abs=1e-6)
    assert (found[0].mean, found[0].deviation) == pytest.approx((found[1].mean, found[1].deviation), abs=1e-5)
    assert not path.with_name("True.faiss").exists()


class TestTwoProcesses:
    """Another process writes while this one is open."""

    def test_its_vectors_are_found(self, path: Path, talks: list[Line]) -> None:
        """What the other one embedded is in this one's results."""
        with Memory.open(path, HashEmbedder()) as memory:
            memory.sync(talks[:6])
            nearest(memory, "cat")
            with Memory.open(path, HashEmbedder()) as other:
                other.sync(talks)
            assert texts(memory, nearest(memory, "stone", 1)) == ["about the stone again"]

    def test_both_embed_the_same(self, path: Path, talks: list[Line]) -> None:
        """A passage that both embedded is in the index once."""
        with Memory.open(path) as memory:
            memory.sync(talks)
        with Memory.open(path, HashEmbedder()) as one, Memory.open(path, HashEmbedder()) as two:
            assert opened(one).dense(one._reader, "cat") is None
            assert two.embed() == 0
            assert one.embed() == 0
            assert len(nearest(one, "cat", 50).passages) == 12


class TestBackground:
    """As the app opens it."""

    def wait(self, fulfilled: Callable[[], bool]) -> None:
        """Wait for the thread."""
        for _ in range(3000):
            if fulfilled():
                return
            time.sleep(0.01)
        raise AssertionError("the background did not come so far")

    def test_words_alone_until_the_model_is_there(
        self, path: Path, talks: list[Line], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Opening and recalling wait for nothing; once loaded, the thread embeds what waits and what comes."""
        monkeypatch.setattr(embeddings, "START_AFTER_SECONDS", 0)
        gate = threading.Event()

        class SlowEmbedder(HashEmbedder):
            def embed_passages(self, texts: Sequence[str]) -> Any:
                gate.wait(30)
                return super().embed_passages(texts)

        with Memory.open(path) as memory:
            memory.sync(talks[:-1])
        with Memory.open(path, SlowEmbedder(), background=True) as memory:
            assert memory.recall("cat").hits[0].text.endswith("about the cat again")
            assert memory.coverage().embedded == 0
            gate.set()
            self.wait(lambda: memory.coverage().waiting == 0)
            memory.sync(talks)
            self.wait(lambda: memory.coverage().embedded == 12)
            memory.add("a note", 0)
            self.wait(lambda: memory.coverage().embedded == 13)
            assert memory.problem == ""

    def test_nothing_is_loaded_before_the_first_screen(self, path: Path, talks: list[Line]) -> None:
        """A memory that is closed at once never touches the model."""
        embedder = HashEmbedder()
        with Memory.open(path, embedder, background=True) as memory:
            memory.sync(talks)
            memory.recall("cat")
        assert embedder.embedded == []
        assert embedder.asked == []

    def test_a_model_that_cannot_be_loaded(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Memory says why and goes on."""
        monkeypatch.setattr(embeddings, "START_AFTER_SECONDS", 0)

        class Broken(HashEmbedder):
            def __getattribute__(self, name: str) -> object:
                if name == "identity":
                    raise EmbedderError("no such model")
                return super().__getattribute__(name)

        broken = Broken.__new__(Broken)
        with Memory.open(path, broken, background=True) as memory:
            self.wait(lambda: bool(memory.problem))
            assert memory.problem == "searching by words alone: no such model"
            assert memory.recall("cat").hits == ()


def test_a_damaged_vector_is_never_compared(path: Path, talks: list[Line]) -> None:
    """A vector of the wrong length is left out, told by check, and embedded again after a rebuild."""
    with Memory.open(path, HashEmbedder()) as memory:
        memory.sync(talks)
    path.with_suffix(".faiss").unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE vector SET value = x'00' WHERE passage = 1")
    with Memory.open(path, HashEmbedder()) as memory:
        assert len(nearest(memory, "cat", 20).passages) == 11
        assert memory.check() == ["1 vectors have another length than their embedder gives"]
        memory.rebuild()
        assert memory.embed() == 0
        assert memory.check() == []
        assert len(nearest(memory, "cat", 20).passages) == 12


def test_embedding_is_closed_without_having_been_opened(path: Path) -> None:
    """Closing what was never used does nothing but close the embedder."""
    embedder = HashEmbedder()
    Embedding(path, embedder, threading.Lock()).close()
    assert embedder.closed
