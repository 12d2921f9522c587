"""How samples become steps: rows of packed samples, how many are computed at once, and when to evaluate.

A step is counted in replies, since packing puts several into a row. Rows are counted by TRL's own packing, so the
number of steps told before a run is the number it takes.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chatclone.training.config import AUTO, Values

ROW_TOKENS = (256, 512, 1024, 2048, 4096)
"""Lengths of a packed row to choose from."""
TOKENS_AT_ONCE = 2048
"""Tokens that keep a GPU busy in one pass; more only takes memory."""
MOST_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Schedule:
    """The steps of a run: each process lets `rows_at_once` through the model together, `accumulation` times a step."""

    rows: int
    row_tokens: int
    rows_at_once: int
    accumulation: int
    steps_per_epoch: int
    planned_steps: int
    evaluate_every: int
    processes: int = 1

    @property
    def rows_per_step(self) -> int:
        """Rows that the optimizer takes a step on."""
        return self.rows_at_once * self.accumulation * self.processes

    def document(self) -> dict[str, int]:
        """Return the numbers as events and results tell them."""
        return {**asdict(self), "rows_per_step": self.rows_per_step}

    def reasons(self) -> dict[str, str]:
        """Return why each number that nobody sets is what it is."""
        return {
            "rows": "as many as the samples fill, by TRL's own packing",
            "row_tokens": "no longer than the longest sample needs, so that small data still gives steps",
            "accumulation": f"passes of {self.rows_at_once} rows until a step has its replies",
            "processes": "as many as were launched; they share the rows of a step",
            "steps_per_epoch": f"{self.rows} rows, {self.rows_per_step} a step",
            "planned_steps": f"{self.planned_steps // self.steps_per_epoch} x through the data"
            + ("; a step is one row already, so there can be no more" if self.rows_per_step == 1 else ""),
            "rows_per_step": "the rows that hold the replies of a step",
        }


def schedule(lengths: Sequence[int], replies: int, settings: Values, processes: int = 1) -> Schedule:
    """Plan the steps for samples of these `lengths` with so many trained replies in all.

    Several processes share the rows of a step, so that the steps are those of one; where a step has fewer rows than
    there are processes, it grows to one row each.
    """
    packed = bool(settings["packing"])
    row_tokens = _row_tokens(lengths, settings["max_length"])
    rows = _packed_rows(lengths, row_tokens) if packed else len(lengths)
    epochs = settings["epochs"]
    wanted_steps = max(1, round(replies / settings["replies_per_step"]), round(settings["minimum_steps"] / epochs))
    share = max(1, round(_divisible(max(1, rows // wanted_steps)) / processes))  # the rows of a step in each process
    at_once = _rows_at_once(settings, row_tokens, share)
    accumulation = share // at_once
    batches = math.ceil(math.ceil(rows / at_once) / processes)  # accelerate deals out whole batches
    steps = math.ceil(batches / accumulation)
    evaluate = settings["evaluate_every"] or max(1, steps // settings["evaluations_per_epoch"])
    return Schedule(
        rows, row_tokens, at_once, accumulation, steps, steps * epochs, min(evaluate, steps * epochs), processes
    )


def _row_tokens(lengths: Sequence[int], max_length: int) -> int:
    """Return the length of a row: no longer than the longest sample needs, so that small data still gives steps."""
    longest = max(lengths)
    return max(longest, min(max_length, next((n for n in ROW_TOKENS if n >= longest), max_length)))


def _divisible(rows: int) -> int:
    """Return about as many rows, so that two or four of them can be computed together and a step stays a step."""
    part = next((n for n in (MOST_AT_ONCE, 2) if 2 * n <= rows), 1)
    return max(part, part * round(rows / part))


def _rows_at_once(settings: Values, row_tokens: int, rows_per_step: int) -> int:
    """Return how many rows go through the model together: as asked, or what keeps the device busy."""
    wanted: Any = settings["rows_at_once"]
    if wanted == AUTO:
        wanted = TOKENS_AT_ONCE // row_tokens if settings["device"] == "cuda" else 1
    at_once = 1
    while at_once * 2 <= wanted and rows_per_step % (at_once * 2) == 0:  # a power of two, so that it can be halved
        at_once *= 2
    return at_once


def _packed_rows(lengths: Sequence[int], row_tokens: int) -> int:
    """Return how many rows TRL packs samples of these lengths into."""
    from datasets import Dataset
    from trl import pack_dataset

    samples = Dataset.from_dict({"input_ids": [[0] * length for length in lengths]})
    return len(pack_dataset(samples, row_tokens, "bfd"))
