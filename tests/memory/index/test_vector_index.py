"""The index: FAISS and NumPy find the same, and the mean and the deviation are those of all vectors."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from memory.index import vector_index as indexes
from memory.index.vector_index import FaissNeighbours, NumpyNeighbours, VectorIndex, build, exact

DIMENSION = 24
Vectors = NDArray[np.float32]


def vectors_of(seed: int, count: int) -> Vectors:
    """Return random unit vectors, as the store keeps them: rounded to half precision."""
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION))
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    return unit


def numpy_index() -> VectorIndex:
    """Return an empty index that uses no FAISS."""
    return VectorIndex(DIMENSION, NumpyNeighbours(DIMENSION))


@pytest.fixture
def faiss_there() -> None:
    """Skip where there is no FAISS."""
    pytest.importorskip("faiss", reason="faiss-cpu is not installed")


@pytest.mark.usefixtures("faiss_there")
class TestExact:
    """The index of an ordinary memory."""

    @settings(max_examples=25, deadline=None)
    @given(
        seed=st.integers(0, 10_000),
        count=st.integers(1, 200),
        gone=st.lists(st.integers(0, 199), unique=True, max_size=120),
        wanted=st.integers(1, 60),
    )
    def test_faiss_finds_what_numpy_finds(self, seed: int, count: int, gone: list[int], wanted: int) -> None:
        """After any adding and removing both give the same ids and cosines."""
        ids, vectors = 7 + 3 * np.arange(count), vectors_of(seed, count)
        removed = ids[[place for place in gone if place < count]]
        question = vectors_of(seed + 1, 1)[0]
        found = []
        for index in (VectorIndex(DIMENSION), numpy_index()):
            index.add(ids, vectors)
            index.remove(removed)
            assert index.ids().tolist() == sorted(set(ids.tolist()) - set(removed.tolist()))
            found.append(index.nearest(question, wanted))
        (ids_1, scores_1, mean_1, deviation_1), (ids_2, scores_2, mean_2, deviation_2) = found
        assert ids_1.tolist() == ids_2.tolist()
        assert np.allclose(scores_1, scores_2, atol=1e-6)
        assert mean_1 == pytest.approx(mean_2, abs=1e-6)
        assert deviation_1 == pytest.approx(deviation_2, abs=1e-5)

    def test_it_is_the_flat_index(self) -> None:
        """FAISS's own exact index with ids is used, and knows its vectors to the last bit that the store keeps."""
        import faiss

        index = VectorIndex(DIMENSION)
        assert isinstance(index.neighbours, FaissNeighbours)
        assert isinstance(index.neighbours.made, faiss.IndexIDMap2)
        assert index.is_exact
        vectors = vectors_of(1, 5)
        index.add(np.arange(5), vectors)
        kept = index.vectors_of(np.array([3, 1]))
        assert kept is not None
        assert np.array_equal(kept, vectors[[3, 1]])


class TestMoments:
    """How near is near in this memory."""

    def test_mean_and_deviation_are_over_all(self) -> None:
        """They are what comparing with every vector gives, however few are asked for."""
        index, vectors = numpy_index(), vectors_of(3, 500)
        index.add(np.arange(500), vectors)
        question = vectors_of(4, 1)[0]
        _, _, mean, deviation = index.nearest(question, 3)
        cosines = vectors @ question
        assert mean == pytest.approx(float(cosines.mean()), abs=1e-6)
        assert deviation == pytest.approx(float(cosines.std()), abs=1e-5)

    def test_an_empty_index_finds_nothing(self) -> None:
        """There is nothing near, and no division by nothing."""
        ids, scores, mean, deviation = numpy_index().nearest(vectors_of(1, 1)[0], 5)
        assert (len(ids), len(scores), mean, deviation) == (0, 0, 0.0, 0.0)


@pytest.mark.usefixtures("faiss_there")
class TestLarge:
    """Beyond EXACT_UP_TO."""

    @pytest.fixture
    def large(self, monkeypatch: pytest.MonkeyPatch) -> tuple[VectorIndex, Vectors]:
        """Return an approximate index of 3,000 vectors, and the vectors."""
        monkeypatch.setattr(indexes, "EXACT_UP_TO", 2_000)
        vectors = vectors_of(5, 3_000)
        pieces = ((np.arange(start, start + 1_000), vectors[start : start + 1_000]) for start in (0, 1_000, 2_000))
        return build(DIMENSION, 3_000, pieces, vectors), vectors

    def test_it_finds_nearly_what_the_exact_one_finds(self, large: tuple[VectorIndex, Vectors]) -> None:
        """Of the ten nearest it finds nine, also of vectors that have no clusters; the moments stay exact."""
        index, vectors = large
        assert not index.is_exact
        found = 0
        for question in vectors_of(6, 50):
            ids, _, mean, _ = index.nearest(question, 10)
            found += len(set(ids.tolist()) & set(np.argsort(-(vectors @ question))[:10].tolist()))
            assert mean == pytest.approx(float((vectors @ question).mean()), abs=1e-6)
        assert found >= 450

    def test_ids_come_and_go(self, large: tuple[VectorIndex, Vectors]) -> None:
        """What is removed is not found again, what is added is."""
        index, vectors = large
        index.remove(np.array([17]))
        assert 17 not in index.nearest(vectors[17], 50)[0]
        index.add(np.array([9_001]), vectors[17:18])
        assert index.nearest(vectors[17], 1)[0].tolist() == [9_001]
        assert index.ids().tolist() == [*range(17), *range(18, 3_000), 9_001]


class TestFallback:
    """Where FAISS cannot be used."""

    def test_macos_and_machines_without_faiss_use_numpy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two OpenMP runtimes end a process on macOS, so there NumPy does the same maths."""
        monkeypatch.setattr("memory.index.vector_index.platform.system", lambda: "Darwin")
        assert isinstance(exact(DIMENSION), NumpyNeighbours)
        monkeypatch.undo()
        monkeypatch.setitem(sys.modules, "faiss", None)
        assert isinstance(exact(DIMENSION), NumpyNeighbours)
        vectors = vectors_of(8, 40)
        index = build(DIMENSION, 40, [(np.arange(20), vectors[:20]), (np.arange(20, 40), vectors[20:])], vectors)
        assert index.nearest(vectors[33], 1)[0].tolist() == [33]
