"""Sampling settings: how the next token is chosen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling settings. `temperature` 0 is greedy. No repetition penalty: it would shorten "hahaha"."""

    temperature: float = 0.7
    top_p: float = 0.95
    min_p: float = 0.1
    max_tokens: int = 160
    seed: int | None = None
