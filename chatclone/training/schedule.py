"""How samples become steps: rows of packed samples, rows computed together, and when to evaluate.

The batch is counted in replies, since packing puts several into a row. Rows are counted by TRL's own packing, so the
planned number of steps is the number taken.
"""

import math
from collections.abc import Sequence

import msgspec

from chatclone.i18n.message import Message
from chatclone.training.setting_bounds import AUTO, TrainConfig

ROW_TOKENS = (256, 512, 1024, 2048, 4096)
"""Lengths of a packed row to choose from."""
TOKENS_AT_ONCE = 2048
"""Tokens that keep a GPU busy in one pass; more would only need more memory."""
MOST_AT_ONCE = 4


class Schedule(msgspec.Struct, frozen=True):
    """The steps of a run: each process computes `rows_at_once` together, `accumulation` times a step."""

    rows: int
    row_tokens: int
    """Tokens of a row."""
    rows_at_once: int
    accumulation: int
    steps_per_epoch: int
    planned_steps: int
    evaluate_every: int
    """Steps between evaluations."""
    processes: int = 1

    @property
    def rows_per_step(self) -> int:
        """Rows in one step of the optimizer."""
        return self.rows_at_once * self.accumulation * self.processes

    def document(self) -> dict[str, int]:
        """Return the numbers under the names they have in the settings of a result."""
        return {**msgspec.structs.asdict(self), "rows_per_step": self.rows_per_step}

    def reasons(self) -> dict[str, str]:
        """Return the reason of each number that is not a setting."""
        planned = "{epochs} x through the data"
        if self.rows_per_step == 1:
            planned += "; a step is already a single row, so there cannot be more"
        return {
            "rows": Message("as many as the samples fill, by TRL's own packing"),
            "row_tokens": Message("no longer than the longest sample needs, so that small data still gives steps"),
            "accumulation": Message("passes of {rows} rows until a step has its replies", rows=self.rows_at_once),
            "processes": Message("as many as were launched; they share the rows of a step"),
            "steps_per_epoch": Message("{rows} rows, {per_step} a step", rows=self.rows, per_step=self.rows_per_step),
            "planned_steps": Message(planned, epochs=self.planned_steps // self.steps_per_epoch),
            "rows_per_step": Message("the rows that hold the replies of a step"),
        }


def schedule(lengths: Sequence[int], replies: int, config: TrainConfig, processes: int = 1) -> Schedule:
    """Plan the steps for samples of these `lengths` in tokens, with `replies` trained replies in all.

    Several processes share the rows of a step, so the steps are those of one process; a step with fewer rows than
    processes grows to one row each. `max_length` and `device` must be decided.
    """
    row_tokens = _row_tokens(lengths, int(config.max_length))
    rows = _packed_rows(lengths, row_tokens) if config.packing else len(lengths)
    wanted = max(1, round(replies / config.replies_per_step), round(config.minimum_steps / config.epochs))
    share = max(1, round(_divisible(max(1, rows // wanted)) / processes))  # rows of a step in each process
    at_once = _rows_at_once(config, row_tokens, share)
    accumulation = share // at_once
    batches = math.ceil(math.ceil(rows / at_once) / processes)  # accelerate hands out whole batches
    steps = math.ceil(batches / accumulation)
    planned = steps * config.epochs
    evaluate = config.evaluate_every or max(1, steps // config.evaluations_per_epoch)
    return Schedule(rows, row_tokens, at_once, accumulation, steps, planned, min(evaluate, planned), processes)


def _row_tokens(lengths: Sequence[int], max_length: int) -> int:
    longest = max(lengths)
    return max(longest, min(max_length, next((n for n in ROW_TOKENS if n >= longest), max_length)))


def _divisible(rows: int) -> int:
    """Return about as many rows, divisible by two or four, so that several can be computed together."""
    part = next((n for n in (MOST_AT_ONCE, 2) if 2 * n <= rows), 1)
    return max(part, part * round(rows / part))


def _rows_at_once(config: TrainConfig, row_tokens: int, rows_per_step: int) -> int:
    """Return how many rows to compute together: as asked, or enough to keep the device busy; a power of two."""
    wanted = config.rows_at_once
    if wanted == AUTO:
        wanted = TOKENS_AT_ONCE // row_tokens if config.device == "cuda" else 1
    at_once = 1
    while at_once * 2 <= wanted and rows_per_step % (at_once * 2) == 0:
        at_once *= 2
    return at_once


def _packed_rows(lengths: Sequence[int], row_tokens: int) -> int:
    """Return how many rows TRL packs samples of these lengths into."""
    from datasets import Dataset
    from trl import pack_dataset

    samples = Dataset.from_dict({"input_ids": [[0] * length for length in lengths]})
    return len(pack_dataset(samples, row_tokens, "bfd"))
