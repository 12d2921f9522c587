"""How the next token is chosen, as a persona's file says it: it is read before the first paint, so it needs nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. `temperature` 0 is greedy; there is no repetition penalty: people say hahaha."""

    temperature: float = 0.7
    top_p: float = 0.95
    min_p: float = 0.1
    max_tokens: int = 160
    seed: int | None = None
