"""What a run draws: train loss, eval loss, token accuracy and learning rate by step, and where epochs end.

Light: it takes a run's events, whether it is over or still going on, or its trainer's log.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

EPOCH_PART = 4
"""An epoch's beginning and end, for comparing them, are so many parts of it: a quarter."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the optimizer; `epoch` counts the rounds through the data so far, a fraction within one."""

    step: int
    epoch: float
    loss: float
    accuracy: float
    rate: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One look at the held-out replies; step 0 is the base without the adapter."""

    step: int
    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Curves:
    """A run's curves, in the order of their steps."""

    steps: tuple[Step, ...]
    evaluations: tuple[Evaluation, ...]

    @property
    def base(self) -> Evaluation:
        """The base, before anything was learnt."""
        return self.evaluations[0]

    @property
    def learnt(self) -> tuple[Evaluation, ...]:
        """The evaluations with an adapter."""
        return tuple(e for e in self.evaluations if e.step > 0)

    @property
    def best(self) -> Evaluation:
        """The evaluation whose adapter is kept."""
        return min(self.learnt, key=lambda e: e.loss)

    @property
    def last_step(self) -> int:
        """The last step that is drawn."""
        return max([*(s.step for s in self.steps), *(e.step for e in self.evaluations)], default=0)

    @property
    def epoch_ends(self) -> tuple[int, ...]:
        """The steps with which an epoch ended and another one began."""
        pairs = zip(self.steps, self.steps[1:], strict=False)
        return tuple(a.step for a, b in pairs if _round(a.epoch) < _round(b.epoch))

    def train_loss(self, first: int, last: int) -> float | None:
        """Return the mean train loss after step `first` up to step `last`, None where there is no such step."""
        return _mean([s.loss for s in self.steps if first < s.step <= last])

    def epoch_drop(self) -> float | None:
        """Return by what share the train loss falls from an epoch's end to the next one's beginning, on average.

        Within an epoch every reply is new; a fall at the seam is of replies that were seen before, not of manner.
        """
        drops = []
        ends = (0, *self.epoch_ends, self.last_step)
        for start, seam, end in zip(ends, ends[1:], ends[2:], strict=False):
            part = min(seam - start, end - seam) // EPOCH_PART
            before, after = self.train_loss(seam - part, seam), self.train_loss(seam, seam + part)
            if part and before and after is not None:
                drops.append((before - after) / before)
        return _mean(drops)


def of_log(before: dict[str, float], log: Iterable[dict[str, Any]]) -> Curves:
    """Return the curves of a trainer's log, which a resumed run has in full too; `before` is the base's evaluation."""
    told = [{"kind": "eval" if "eval_loss" in entry else "step", **entry} for entry in log]
    return of([{"kind": "eval", "step": 0, **before}, *told])


def of(events: Iterable[dict[str, Any]]) -> Curves:
    """Return the curves of a run's events; a step that was told twice counts as it was told last."""
    steps, evaluations = {}, {}
    for event in events:
        match event:
            case {"kind": "step", "step": int(step), "loss": loss}:
                accuracy, rate = event.get("mean_token_accuracy", 0.0), event.get("learning_rate", 0.0)
                steps[step] = Step(step, event.get("epoch", 0.0), loss, accuracy, rate)
            case {"kind": "eval", "step": int(step), "eval_loss": loss}:
                evaluations[step] = Evaluation(step, loss, event.get("eval_mean_token_accuracy", 0.0))
    return Curves(tuple(steps[n] for n in sorted(steps)), tuple(evaluations[n] for n in sorted(evaluations)))


def _round(epoch: float) -> int:
    """Return which round through the data a step ended in; the last step of one has told it as a whole number."""
    return math.ceil(epoch - 1e-6)


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
