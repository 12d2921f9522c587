"""Find the weights of memory/search/ranking.py on chats that this project invented; no benchmark's data is read.

    python -m tools.ranking.fit

`practice.txt` is an English chat over four years with 106 questions; the questions with odd numbers of the multilingual
chats join it. For each question the lines are ranked as a softmax of their scores, and the weights are those that make
the lines with the answer likeliest, none below zero, each held down by its square (SHRINKING).
"""

import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.multilingual.chats import Chat, read_chat, read_chats
from memory.embedding.embedder import MINILM, Embedder, SentenceTransformerEmbedder, find_model
from memory.memory import Memory
from memory.passages import passages
from memory.search.dense_hits import Dense, Nearest
from memory.search.ranking import Properties
from memory.search.recall import examine, lines_with
from memory.store import database

PRACTICE = Path(__file__).with_name("practice.txt")
SHRINKING = 0.02
ROUNDS = 2000
RATE = 0.1
SET = {"span": 3.0}
"""Weights set by hand: few of the questions name a time."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lesson:
    """A question's candidate lines: their properties, shape (lines, properties), and which of them answer it."""

    properties: Matrix
    answers: NDArray[np.bool_]


def lessons(chat: Chat, step: int = 1, embedder: Embedder | None = None) -> list[Lesson]:
    """Return what every `step`th question of a chat teaches; those whose answers are no candidates teach nothing."""
    taught = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memory.sqlite"
        with Memory.open(path) as memory:
            memory.sync(chat.lines)
        with closing(database.connect(path)) as connection:
            dense = near(connection, chat, embedder) if embedder else None
            for asked in chat.questions[::step]:
                examined = examine(connection, asked.question, dense=dense)
                if examined.properties is None:
                    continue
                keys = {line.key for line in asked.evidence}
                found = lines_with(connection, examined.candidates.lines.id)
                answers = np.array([found[line].key in keys for line in examined.candidates.lines.id])
                if answers.any():
                    taught.append(Lesson(np.array(examined.properties).T, answers))
    return taught


def near(connection: sqlite3.Connection, chat: Chat, embedder: Embedder) -> Dense:
    """Return a dense search over a chat, by comparing with every passage."""
    ids = [
        row[0]
        for row in connection.execute("SELECT passage.id FROM passage JOIN line ON line.id = first ORDER BY sent_at")
    ]
    vectors = embedder.embed_passages([passage.text for passage in passages(chat.lines)])

    def dense(question: str, count: int) -> Nearest:
        cosines = vectors @ embedder.embed_query(question)
        nearest = np.argsort(-cosines)[:count]
        found = tuple((ids[place], float(cosines[place])) for place in nearest)
        return Nearest(found, float(cosines.mean()), float(cosines.std()))

    return dense


def fit(taught: Sequence[Lesson], shrinking: float = SHRINKING) -> Properties[float]:
    """Return the weights under which the answers are likeliest."""
    weights = np.array([SET.get(name, 0.0) for name in Properties._fields])
    free = np.array([name not in SET for name in Properties._fields])
    moved = np.zeros_like(weights)
    for _ in range(ROUNDS):
        slope = 2 * shrinking * weights + np.mean([_slope(lesson, weights) for lesson in taught], axis=0)
        moved = 0.9 * moved - RATE * slope
        weights = np.where(free, np.maximum(weights + moved, 0.0), weights)
    return Properties(*np.round(weights, 2).tolist())


def _slope(lesson: Lesson, weights: Matrix) -> Matrix:
    """Return how the loss of a question, minus the mean log likelihood of its answers, changes with the weights."""
    scores = lesson.properties @ weights
    likely = np.exp(scores - scores.max())
    likely /= likely.sum()
    slope: Matrix = (likely - lesson.answers / lesson.answers.sum()) @ lesson.properties
    return slope


def main(show: Callable[[str], None] = print) -> None:
    """Print the weights."""
    folder = find_model(MINILM)
    if folder is None:
        raise SystemExit(f"{MINILM} is not on this computer")
    practice = read_chat(PRACTICE)
    taught = lessons(practice, embedder=SentenceTransformerEmbedder(folder, MINILM)) + lessons(practice)
    for chat in read_chats():
        taught += lessons(chat, step=2)
    show(f"{len(taught)} questions")
    for name, weight in fit(taught)._asdict().items():
        show(f"{name:10}{weight:6.2f}")


if __name__ == "__main__":
    main()
