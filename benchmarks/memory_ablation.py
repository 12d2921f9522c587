"""What each property that lines are ranked by is worth: recall of evidence without it."""

import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from memory.embedding.embedder import Embedder
from memory.passages import Line
from memory.search.ranking import WEIGHTS
from memory.search.recall import examine, fill
from memory.search.semantic import Embedding
from memory.store import database


def ablate(
    path: Path, asked: Sequence[tuple[str, Sequence[Line]]], budgets: Sequence[int], embedder: Embedder | None
) -> dict[str, list[tuple[float, ...]]]:
    """Return for every property the shares of evidence shown without it: a row a question, a column a budget.

    `path` is a memory whose passages are embedded.
    """
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in WEIGHTS._fields}
    embedding = Embedding(path, embedder, threading.Lock()) if embedder else None
    if embedding is not None:
        embedding.open()
    with closing(database.connect(path)) as connection:
        for question, evidence in asked:
            dense = embedding.dense(connection, question) if embedding else None
            examined = examine(connection, question, dense=dense)
            wanted = {line.shown for line in evidence}
            for name in WEIGHTS._fields:
                weights = WEIGHTS._replace(**{name: 0.0})
                hits = [fill(connection, examined, budget, weights=weights) for budget in budgets]
                lines = [{line for hit in each for line in hit.text.split("\n")} for each in hits]
                found[name].append(tuple(len(wanted & each) / len(wanted) for each in lines))
    return found
