"""Everything a trainer is built from: the plan, the base, the samples and the schedule."""

from dataclasses import dataclass
from typing import Any

import msgspec

from chatclone.bases.inspect_base import Base
from chatclone.training.device import Machine
from chatclone.training.plan import Plan
from chatclone.training.run_result import DataCounts, Settings
from chatclone.training.schedule import Schedule
from chatclone.training.tokenized_data import TokenizedData


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything a trainer needs; `mixed_in` counts the samples with memory and the neutral ones by kind."""

    plan: Plan
    machine: Machine
    base: Base
    loaded: Any
    train: TokenizedData
    eval: TokenizedData
    steps: Schedule
    mixed_in: dict[str, int]

    def counts(self) -> DataCounts:
        """Return how much data there is."""
        return DataCounts(
            samples=len(self.train.samples),
            replies=self.train.replies,
            tokens=self.train.tokens,
            trained_tokens=self.train.trained_tokens,
            dropped_turns=self.train.dropped_turns,
            refused=self.train.refused,
            eval_samples=len(self.eval.samples),
            eval_replies=self.eval.replies,
            eval_tokens=self.eval.tokens,
            **self.mixed_in,
        )

    def settings(self) -> Settings:
        """Return the settings with the numbers of the schedule, as results show them."""
        return {**msgspec.structs.asdict(self.plan.settings), **self.steps.document()}

    def reasons(self) -> dict[str, str]:
        """Return the reasons of `settings`."""
        return {**self.plan.reasons, **self.steps.reasons()}
