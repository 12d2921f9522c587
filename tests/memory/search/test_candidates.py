"""A closer look is taken at few passages, and the right ones."""

from collections.abc import Callable

import pytest

from memory.memory import Memory
from memory.passages import Line
from memory.search import candidates
from memory.search.dense_hits import Nearest
from memory.search.query import ask

Said = Callable[..., Line]
WEEK = 7 * 86_400


@pytest.fixture
def filled(memory: Memory, said: Said) -> Memory:
    """Return a memory of thirty passages of one message each, which say soup, and one that says lasagne as well."""
    memory.sync(
        [said(n, f"soup {n}" + (" lasagne" if n == 17 else ""), when=WEEK * n) for n in range(1, 31)]
        + [said(n, "rain", when=WEEK * n) for n in range(31, 40)]
    )
    return memory


def looked_at(memory: Memory, question: str, nearest: Nearest | None = None) -> set[int]:
    """Return the passages that are candidates."""
    with memory._look() as connection:
        found = candidates.find(connection, ask(connection, question, 0), nearest, None, ())
    return {window.id for window in found.windows}


def test_words_and_meaning_decide_together(filled: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more passages than get a closer look, those that both speak for are kept, then the best of either."""
    nearest = Nearest(tuple((passage, 0.9 - passage / 100) for passage in (12, 17, 35, 36)), 0.1, 0.1)
    every = looked_at(filled, "soup lasagne", nearest)
    assert {12, 17, 35, 36} < every
    monkeypatch.setattr(candidates, "MOST", 2)
    assert looked_at(filled, "soup lasagne", nearest) == {12, 17}


def test_a_note_is_never_left_out(filled: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user wrote down is looked at however much else there is."""
    note = filled.add("soup is for Mondays", 0)
    monkeypatch.setattr(candidates, "MOST", 1)
    assert note in looked_at(filled, "lasagne on mondays")
