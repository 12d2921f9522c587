"""Memory finds in four languages what a person would ask for, without a model."""

import statistics

from benchmarks.multilingual.chats import read_chats
from benchmarks.multilingual.measure import HALVES, measure

BAR = 85.0
"""Percent of the evidence within the first five hits that the project wants to keep."""


def test_words_alone_reach_the_bar() -> None:
    """Of all questions in Russian, Korean, Spanish and Uzbek, five hits hold enough of the evidence."""
    found = measure(read_chats(), list(HALVES))["recall@5"]
    assert found.keys() == {"ru", "ko", "es", "uz"}
    assert all(row["questions"] == 40 for row in found.values())
    assert statistics.fmean(row["all"] for row in found.values()) >= BAR
