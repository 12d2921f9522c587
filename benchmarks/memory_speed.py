"""How fast memory is, and how it grows: importing, opening, recalling, adding, forgetting, and what it takes on disk.

    python benchmarks/memory_speed.py [--passages 100000 1000000] [--beside PYTHON] [--json]

The messages are invented: words drawn by Zipf's law from 30,000, two to twelve a message, in twenty chats with
sessions of some twenty messages. Vectors are random unit vectors around 400 centres, 384 numbers each: good for speed,
and they say nothing about what is found. Questions are three words as they come. Times are by the clock in
milliseconds, beside them the processor's own time (`cpu`): on a busy machine only the latter tells; `cpu_share` is
how much of a core this process got. With --beside the same vectors are put into Chroma and into mem0's FAISS store, by
an interpreter of their own where these are installed.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # else this script's own folder stands first, where `memory` is a script
    sys.path[0] = str(Path(__file__).parents[1])

import numpy as np

from memory.embedding.embedder import Identity
from memory.memory import Memory
from memory.passages import Line
from memory.store import database, vectors

DIMENSION = 384
CENTRES = 400
QUESTIONS = 100
BARS = {"lexical_p95_ms": 8.0, "hybrid_p95_ms": 25.0, "open_p95_ms": 500.0, "add_p95_ms": 5.0}
"""At 100,000 passages on two cores; hybrid without embedding the question."""


class RandomEmbedder:
    """Gives vectors at random: what a model costs is not measured here."""

    identity = Identity("random", DIMENSION, 0)

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)
        self._centres = self._unit(self._random.standard_normal((CENTRES, DIMENSION), np.float32))

    def embed_query(self, text: str) -> Any:
        """Return a vector."""
        return self.some(1)[0]

    def embed_passages(self, texts: Sequence[str]) -> Any:
        """Return a vector a text."""
        return self.some(len(texts))

    def some(self, count: int) -> Any:
        """Return vectors around the centres."""
        noise = self._random.standard_normal((count, DIMENSION), np.float32) * 0.05
        return self._unit(self._centres[self._random.integers(CENTRES, size=count)] + noise)

    def close(self) -> None:
        """Free nothing."""

    def _unit(self, rows: Any) -> Any:
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Talk:
    """Invented messages, the same for the same seed."""

    def __init__(self, count: int) -> None:
        self._count, chance = count, random.Random(7)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.vocabulary = ["".join(chance.choices(letters, k=chance.randint(3, 9))) for _ in range(30_000)]
        weights = [1 / (rank + 3) for rank in range(len(self.vocabulary))]
        self._pool = chance.choices(self.vocabulary, weights, k=500_000)

    def lines(self) -> Iterator[Line]:
        """Yield the messages, chat by chat."""
        chance, when = random.Random(8), 1_500_000_000
        for number in range(self._count):
            when += 30_000 if chance.random() < 0.05 else chance.randint(10, 300)
            chat = f"telegram:c{number * 20 // self._count}"
            yield Line(
                f"{chat}/{number}", chat, chat, "Anna" if chance.random() < 0.5 else "Bo", when, self.text(chance)
            )

    def text(self, chance: random.Random) -> str:
        """Return one message."""
        at = chance.randrange(len(self._pool) - 12)
        return " ".join(self._pool[at : at + chance.randint(2, 12)])

    def questions(self) -> list[str]:
        """Return questions of three words of a message each, rare and common ones as they come."""
        chance = random.Random(9)
        return [" ".join(chance.sample(self._pool, 3)) for _ in range(QUESTIONS)]


class Timed:
    """How long some work took, in milliseconds: by the clock, and of the processor."""

    def __init__(self, work: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        self.wall, self.cpu = 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)


def spread(name: str, works: Iterable[Callable[[], object]]) -> dict[str, float]:
    """Return the median, the 95th percentile and the processor's part of it of doing each of these."""
    times = [Timed(work) for work in works]
    walls, cpus = sorted(t.wall for t in times), sorted(t.cpu for t in times)
    last = min(len(times) - 1, int(0.95 * len(times)))
    return {
        f"{name}_median_ms": round(statistics.median(walls), 2),
        f"{name}_p95_ms": round(walls[last], 2),
        f"{name}_cpu_median_ms": round(statistics.median(cpus), 2),
        f"{name}_cpu_p95_ms": round(cpus[last], 2),
    }


def fill(path: Path, count: int) -> dict[str, float]:
    """Import so many messages that about `count` passages come of them, and give each a vector."""
    messages = int(1.1 * count)
    talk = Talk(messages)
    with Memory.open(path) as memory:
        first = Timed(lambda: memory.sync(talk.lines()))
        again = Timed(lambda: memory.sync(talk.lines()))
        passages = memory.count()
    embedder, connection = RandomEmbedder(), database.connect(path)
    number = vectors.add_embedder(connection, embedder.identity)
    ids = vectors.waiting(connection, None)
    started = time.perf_counter()
    for start in range(0, len(ids), 10_000):
        with database.transaction(connection):
            piece = ids[start : start + 10_000]
            vectors.put_vectors(connection, number, piece, embedder.some(len(piece)))
            database.next_generation(connection)
    stored = time.perf_counter() - started
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return {
        "messages": messages,
        "passages": passages,
        "import_us_a_message": round(1000 * first.wall / messages, 1),
        "import_cpu_us_a_message": round(1000 * first.cpu / messages, 1),
        "import_again_cpu_us_a_message": round(1000 * again.cpu / messages, 1),
        "vectors_stored_s": round(stored, 1),
        "import_peak_memory_mb": round(peak_memory()),
    }


def use(path: Path, count: int) -> dict[str, float]:
    """Open, recall, add and forget."""
    talk, embedder, chance = Talk(count), RandomEmbedder(), random.Random(3)
    wall, cpu = time.perf_counter(), time.process_time()
    result = spread("open", [lambda: Memory.open(path).close()] * 5)
    questions = talk.questions()
    with Memory.open(path) as memory:
        memory.recall(questions[-1])
        result |= spread("lexical", (partial(memory.recall, question) for question in questions))
        told = [Line(f"chatclone:1/{n}", "chatclone:1", "told", "Theo", 60 * n, talk.text(chance)) for n in range(50)]
        result |= spread("add", (partial(memory.tell, [line]) for line in told))
        late = Line("telegram:c3/late", "telegram:c3", "c3", "Bo", 1_500_900_000, talk.text(chance))
        result |= spread("add_into_a_long_chat", [lambda: memory.tell([late], kind="said")])
    with Memory.open(path, embedder) as memory:
        result |= spread("index_built", [memory.embed])
    with Memory.open(path, embedder) as memory:
        result |= spread("index_opened", [memory.embed])
        embedding = memory._embedding
        assert embedding is not None and embedding._index is not None
        result["index_is_exact"] = embedding._index.is_exact
        connection = memory._reader
        dense = [embedding.dense(connection, question) for question in questions]
        result |= spread("nearest", (partial(d, q, 60) for d, q in zip(dense, questions, strict=True) if d))
        result |= spread("hybrid", (partial(memory.recall, question) for question in questions))
        result |= spread("forget", [lambda: memory.forget(key="chatclone:1/7")])
    result |= {f"{name}_mb": round(size / 1e6, 1) for name, size in sizes(path).items()}
    result["cpu_share"] = round((time.process_time() - cpu) / (time.perf_counter() - wall), 2)
    result["peak_memory_mb"] = round(peak_memory())
    return result


def sizes(path: Path) -> dict[str, int]:
    """Return the sizes of the store and of the index."""
    return {"sqlite": path.stat().st_size, "faiss": path.with_suffix(".faiss").stat().st_size}


def peak_memory() -> float:
    """Return the most memory this process had, in MB."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if platform.system() == "Darwin" else 2**10)


def apart(work: str, path: Path, count: int) -> Any:
    """Run `fill` or `use` in a process of its own, so that each tells its own peak of memory."""
    return json.loads(_output([sys.executable, __file__, "--work", work, str(path), str(count)]))


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def beside(path: Path, folder: Path, python: Path) -> Any:
    """Put the same vectors into other stores and return their figures, measured by another interpreter."""
    connection, embedder = database.connect(path), RandomEmbedder()
    number = vectors.embedder_number(connection, embedder.identity)
    assert number is not None
    pieces = list(vectors.read_vectors(connection, number, DIMENSION))
    connection.close()
    data = folder / "vectors.npz"
    np.savez(
        data,
        ids=np.concatenate([ids for ids, _ in pieces]),
        rows=np.concatenate([rows for _, rows in pieces]),
        questions=embedder.some(QUESTIONS),
    )
    script = Path(__file__).with_name("memory_beside.py")
    return json.loads(_output([str(python), str(script), str(data), str(folder)]))


def measure(counts: Sequence[int], other_python: Path | None) -> dict[str, Any]:
    """Return the figures for every size."""
    result: dict[str, Any] = {
        "cores": os.cpu_count(), "python": platform.python_version(), "bars_at_100000": BARS, "sizes": {},
    }  # fmt: skip
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "memory.sqlite"
            row = {**apart("fill", path, count), **apart("use", path, count)}
            if other_python is not None:
                row["beside"] = beside(path, Path(folder), other_python)
        result["sizes"][str(count)] = row
        print(f"{count:,} done", file=sys.stderr, flush=True)
    return result


def main() -> None:
    """Print the table, or the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, nargs="+", default=[100_000], metavar="N")
    parser.add_argument("--beside", type=Path, metavar="PYTHON", help="an interpreter that has chromadb and mem0ai")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work, path, count = arguments.work
        print(json.dumps({"fill": fill, "use": use}[work](Path(path), int(count))))
        return
    result = measure(arguments.passages, arguments.beside)
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    columns = list(result["sizes"].values())
    print(f"{'':32}" + "".join(f"{int(size):>14,}" for size in result["sizes"]))
    for name in [name for name in columns[0] if name != "beside"]:
        bar = f"  bar {BARS[name]:g}" if name in BARS else ""
        print(f"{name.replace('_', ' '):32}" + "".join(f"{column[name]:>14}" for column in columns) + bar)
    for column in columns:
        for name, figures in column.get("beside", {}).items():
            print(f"{name}: {figures}")


if __name__ == "__main__":
    main()
