"""memory.faiss: read back as it was written, or not at all."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memory.index import index_file
from memory.index.index_file import Stamp
from memory.index.vector_index import VectorIndex

faiss = pytest.importorskip("faiss", reason="faiss-cpu is not installed")

STAMP = Stamp(store="a1", generation=7, model="m@1", dimension=8, prefix=1)


@pytest.fixture
def index() -> VectorIndex:
    """An index of fifty vectors."""
    made = VectorIndex(8)
    made.add(np.arange(100, 150), np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32))
    return made


@pytest.fixture
def path(tmp_path: Path, index: VectorIndex) -> Path:
    """The same, written to a file."""
    index_file.write(tmp_path / "memory.faiss", index, STAMP)
    return tmp_path / "memory.faiss"


def test_it_comes_back_as_it_was(path: Path, index: VectorIndex) -> None:
    """Ids, scores, mean and deviation are the same, and FAISS itself can read the file."""
    found = index_file.read(path, replace(STAMP, generation=9))
    assert found is not None
    assert found[1] == STAMP, "the stamp says in which state it was written"
    question = np.ones(8, np.float32)
    ids, scores, *moments = index.nearest(question, 10)
    again, scores_again, *moments_again = found[0].nearest(question, 10)
    assert ids.tolist() == again.tolist()
    assert scores.tolist() == scores_again.tolist()
    assert moments == moments_again
    assert faiss.read_index(str(path)).ntotal == 50


@pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX")
def test_only_the_user_can_read_it(path: Path) -> None:
    """Vectors tell of words; nothing is left beside the file."""
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("what", ["gone", "empty", "cut", "longer", "damaged", "foreign", "a folder"])
def test_any_other_file_is_no_index(path: Path, what: str) -> None:
    """A missing, emptied, truncated, extended, damaged or foreign file is passed over without an error."""
    data = path.read_bytes()
    path.unlink()
    match what:
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "longer":
            path.write_bytes(data + b"x")
        case "damaged":
            path.write_bytes(data[:300] + bytes([data[300] ^ 1]) + data[301:])
        case "foreign":
            faiss.write_index(faiss.IndexFlatIP(8), str(path))
        case "a folder":
            path.mkdir()
    assert index_file.read(path, STAMP) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(STAMP, store="b2"),
        replace(STAMP, model="m@2"),
        replace(STAMP, prefix=2),
        replace(STAMP, dimension=4),
    ],
)
def test_another_memory_or_embedder_is_no_match(path: Path, other: Stamp) -> None:
    """An index copied from elsewhere, or made with another model, is not used."""
    assert index_file.read(path, other) is None
