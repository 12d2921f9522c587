"""What lexical and dense search say to each other: the passages nearest to a question, and how near is near here."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Nearest:
    """Passage ids with their cosine to a question, nearest first; `mean` and `deviation` are over all passages.

    Embedders differ in what a cosine means, so only its distance from this memory's mean, in deviations, is telling.
    """

    passages: tuple[tuple[int, float], ...]
    mean: float
    deviation: float


Dense = Callable[[str, int], Nearest]
"""A question and how many passages to what is nearest to it."""
