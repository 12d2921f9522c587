"""The curves of a run: train loss, eval loss, token accuracy and learning rate by step, and where epochs end.

Light: made from a run's events or from its trainer's log.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

EPOCH_PART = 4
"""The end of an epoch is compared with the start of the next over this part of it: a quarter."""


class Step(NamedTuple):
    """One step of the optimizer; `epoch` is fractional within an epoch."""

    step: int
    epoch: float
    loss: float
    accuracy: float
    rate: float


class Evaluation(NamedTuple):
    """One evaluation on the held-out replies; step 0 is the base without the adapter."""

    step: int
    loss: float
    accuracy: float


class Curves(NamedTuple):
    """A run's curves, in the order of their steps."""

    steps: tuple[Step, ...]
    evaluations: tuple[Evaluation, ...]

    @property
    def base(self) -> Evaluation:
        """The base, before training."""
        return self.evaluations[0]

    @property
    def trained(self) -> tuple[Evaluation, ...]:
        """The evaluations with an adapter."""
        return tuple(e for e in self.evaluations if e.step > 0)

    @property
    def best(self) -> Evaluation:
        """The evaluation whose adapter is kept."""
        return min(self.trained, key=lambda e: e.loss)

    @property
    def last_step(self) -> int:
        """The last step of any curve."""
        return max([*(s.step for s in self.steps), *(e.step for e in self.evaluations)], default=0)

    @property
    def epoch_ends(self) -> tuple[int, ...]:
        """The steps at which an epoch ended and another began."""
        pairs = zip(self.steps, self.steps[1:], strict=False)
        # The last step of an epoch has logged it as a whole number.
        return tuple(a.step for a, b in pairs if math.ceil(a.epoch - 1e-6) < math.ceil(b.epoch - 1e-6))

    def train_loss(self, first: int, last: int) -> float | None:
        """Return the mean train loss after step `first` up to step `last`, None if there is no such step."""
        return _mean([s.loss for s in self.steps if first < s.step <= last])

    def epoch_drop(self) -> float | None:
        """Return by what share the train loss falls, on average, from an epoch's end to the next one's start.

        Within an epoch every reply is new, so a fall between epochs comes from replies that are recognised.
        """
        drops = []
        ends = (0, *self.epoch_ends, self.last_step)
        for start, middle, end in zip(ends, ends[1:], ends[2:], strict=False):
            part = min(middle - start, end - middle) // EPOCH_PART
            before, after = self.train_loss(middle - part, middle), self.train_loss(middle, middle + part)
            if part and before and after is not None:
                drops.append((before - after) / before)
        return _mean(drops)


def curves_of_log(base: Mapping[str, float], log: Iterable[Mapping[str, Any]]) -> Curves:
    """Return the curves of a trainer's log, which a resumed run has in full too; `base` is the base's evaluation."""
    steps, evaluations = {}, {}
    for entry in ({"step": 0, **base}, *log):
        step = entry["step"]
        if "eval_loss" in entry:
            accuracy = entry.get("eval_mean_token_accuracy", 0.0)
            evaluations[step] = Evaluation(step, entry["eval_loss"], accuracy)
        elif "loss" in entry:
            accuracy, rate = entry.get("mean_token_accuracy", 0.0), entry.get("learning_rate", 0.0)
            steps[step] = Step(step, entry.get("epoch", 0.0), entry["loss"], accuracy, rate)
    return Curves(tuple(steps[n] for n in sorted(steps)), tuple(evaluations[n] for n in sorted(evaluations)))


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
