"""The vectors of `memory_speed.py` in Chroma and in mem0's FAISS store: filling, asking, adding, and a kill.

    python benchmarks/memory_beside.py vectors.npz FOLDER

Runs under any interpreter that has chromadb, or mem0ai with faiss-cpu; it imports nothing of this project. What is not
installed is said. Prints one JSON document.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 5_000
ASKED_FOR = 60
KILL_AFTER_SECONDS = (0.1, 0.3, 0.5, 0.8, 1.3)
"""A writer that adds one vector after another is killed so long after its first one."""


class Chroma:
    """Chroma on disk, with its own defaults and inner products."""

    def __init__(self, folder: Path) -> None:
        chromadb = import_module("chromadb")
        client = chromadb.PersistentClient(str(folder), chromadb.Settings(anonymized_telemetry=False))
        self._made = client.get_or_create_collection("passages", metadata={"hnsw:space": "ip"})

    def add(self, ids: list[str], rows: Any) -> None:
        """Add vectors with a document each."""
        self._made.add(ids=ids, embeddings=rows, documents=["a passage"] * len(ids))

    def ask(self, row: Any, count: int) -> list[str]:
        """Return the ids of the nearest."""
        return list(self._made.query(row[None], n_results=count)["ids"][0])


class Mem0:
    """mem0's FAISS store with inner products."""

    def __init__(self, folder: Path) -> None:
        os.environ["MEM0_TELEMETRY"] = "False"
        made = import_module("mem0.vector_stores.faiss").FAISS
        self._made = made("passages", path=str(folder), distance_strategy="inner_product", embedding_model_dims=384)

    def add(self, ids: list[str], rows: Any) -> None:
        """Add vectors with a payload each."""
        self._made.insert(rows, payloads=[{"data": "a passage"}] * len(ids), ids=ids)

    def ask(self, row: Any, count: int) -> list[str]:
        """Return the ids of the nearest."""
        return [found.id for found in self._made.search("", row, count)]


STORES: dict[str, Callable[[Path], Any]] = {"chroma": Chroma, "mem0_faiss": Mem0}


def spread(works: Iterable[Callable[[], object]]) -> dict[str, float]:
    """Return median and 95th percentile in milliseconds, by the clock and of the processor."""
    walls, cpus = [], []
    for work in works:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.process_time() - cpu))
    last = min(len(walls) - 1, int(0.95 * len(walls)))
    return {
        "median_ms": round(statistics.median(walls), 2),
        "p95_ms": round(sorted(walls)[last], 2),
        "cpu_p95_ms": round(sorted(cpus)[last], 2),
    }


def measure(name: str, data: Any, folder: Path) -> dict[str, Any]:
    """Fill a store, ask it, add to it, and kill its writer."""
    ids, rows, questions = data["ids"], data["rows"], data["questions"]
    made = STORES[name](folder)
    started = time.perf_counter()
    for start in range(0, len(ids), BATCH):
        made.add([str(i) for i in ids[start : start + BATCH]], rows[start : start + BATCH])
    filled = time.perf_counter() - started
    exact = [set(map(str, ids[np.argsort(-(rows @ q))[:ASKED_FOR]])) for q in questions[:20]]
    found = [set(made.ask(q, ASKED_FOR)) for q in questions[:20]]
    share = statistics.fmean(len(a & b) / len(a) for a, b in zip(exact, found, strict=True))
    return {
        "filled_s": round(filled, 1),
        "ask": spread(partial(made.ask, q, ASKED_FOR) for q in questions),
        "share_of_the_exact_60": round(share, 3),
        "add": spread(partial(made.add, [f"new{n}"], rows[:1]) for n in range(20)),
        "kills": kills(name, folder.with_name(folder.name + "-killed")),
    }


def write(name: str, folder: Path, first: int) -> None:
    """Add one vector after another until killed, and say which are done."""
    made = STORES[name](folder)
    for number in range(first, first + 1_000_000):
        row = np.random.default_rng(number).standard_normal((1, 384)).astype(np.float32)
        made.add([f"n{number}"], row / np.linalg.norm(row))
        print(number, flush=True)


def kills(name: str, folder: Path) -> dict[str, int]:
    """Kill writers of a small store and count what was acknowledged and is not found; `opens`: it can be asked at all.

    A file that is rewritten in place and was being written at the kill may be cut off, and then all is lost.
    """
    acknowledged: list[int] = []
    for seconds in KILL_AFTER_SECONDS:
        first = 100_000 * (1 + len(acknowledged))
        command = [sys.executable, __file__, "--write", name, str(folder), str(first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as writer:
            assert writer.stdout is not None
            line, deadline = writer.stdout.readline(), time.monotonic() + seconds
            while line and time.monotonic() < deadline:
                acknowledged.append(int(line))
                line = writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)
            acknowledged += [int(line)] if line.strip() else []
            acknowledged += [int(rest) for rest in writer.stdout if rest.endswith("\n")]
    check = [sys.executable, __file__, "--check", name, str(folder)]
    done = subprocess.run(check, input=json.dumps(acknowledged), capture_output=True, text=True)
    opens = done.returncode == 0
    lost = int(done.stdout.split()[-1]) if opens else len(acknowledged)
    return {"rounds": len(KILL_AFTER_SECONDS), "acknowledged": len(acknowledged), "lost": lost, "opens": opens}


def check(name: str, folder: Path) -> None:
    """Print how many acknowledged vectors do not find themselves."""
    made = STORES[name](folder)
    lost = 0
    for number in json.load(sys.stdin):
        row = np.random.default_rng(number).standard_normal(384).astype(np.float32)
        lost += f"n{number}" not in made.ask(row / np.linalg.norm(row), 5)
    print(lost)


def main() -> None:
    """Print the figures of every store."""
    if sys.argv[1] == "--write":
        write(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1] == "--check":
        check(sys.argv[2], Path(sys.argv[3]))
    else:
        data, result = dict(np.load(sys.argv[1])), dict[str, Any]()
        for name in STORES:
            try:
                result[name] = measure(name, data, Path(sys.argv[2]) / name)
            except ImportError as error:
                result[name] = f"not installed: {error.name}"
        print(json.dumps(result))


if __name__ == "__main__":
    main()
