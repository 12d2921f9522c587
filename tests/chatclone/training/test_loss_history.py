"""A trainer's log as curves."""

from typing import Any

import pytest

from chatclone.training.loss_history import Curves, curves_of_log


def curves(*losses: float, per_epoch: int, evals: dict[int, float] | None = None) -> Curves:
    """Return the curves of a run whose steps had these losses; `evals` has the base's at step 0."""
    log: list[dict[str, Any]] = [
        {"step": step, "loss": loss, "epoch": step / per_epoch, "learning_rate": 1e-3}
        for step, loss in enumerate(losses, start=1)
    ]
    evals = evals or {0: 9.0}
    log += [{"step": step, "eval_loss": loss} for step, loss in evals.items() if step]
    return curves_of_log({"eval_loss": evals[0]}, log)


def test_epochs_end_where_another_begins() -> None:
    """An epoch ends with a step, or within one; the end of the run does not count."""
    assert curves(*[1.0] * 12, per_epoch=4).epoch_ends == (4, 8)
    log = [{"step": n, "loss": 1.0, "epoch": e} for n, e in enumerate((0.4, 0.8, 1.2, 1.6, 2.0), 1)]
    assert curves_of_log({"eval_loss": 1.0}, log).epoch_ends == (2,)


def test_a_trainers_log() -> None:
    """Entries with a loss are steps, with an eval loss evaluations, the base's first; the summary is skipped."""
    log = [
        {"loss": 3.0, "step": 1, "epoch": 1.0, "learning_rate": 0.1}, {"eval_loss": 2.5, "step": 1},
        {"train_runtime": 9.0, "train_loss": 3.0, "step": 1},
    ]  # fmt: skip
    drawn = curves_of_log({"eval_loss": 4.0, "eval_mean_token_accuracy": 0.1}, log)
    assert [(e.step, e.loss) for e in drawn.evaluations] == [(0, 4.0), (1, 2.5)]
    assert [(s.step, s.loss, s.rate) for s in drawn.steps] == [(1, 3.0, 0.1)]


def test_best_is_never_the_base() -> None:
    """The best evaluation is an adapter's, even if the base was better."""
    drawn = curves(*[1.0] * 4, per_epoch=4, evals={0: 2.0, 2: 2.5, 4: 2.2})
    assert (drawn.base.loss, drawn.best.step, drawn.last_step) == (2.0, 4, 4)


def test_train_loss_between_steps() -> None:
    """The mean train loss after one step up to another; None without steps."""
    drawn = curves(4.0, 3.0, 2.0, 1.0, per_epoch=4)
    assert drawn.train_loss(1, 3) == 2.5
    assert drawn.train_loss(4, 9) is None


def test_epoch_drop() -> None:
    """A drop between epochs is a share of the loss; a steady slope gives nearly 0, a single epoch None."""
    falling = curves(*[2.0] * 8, *[1.5] * 8, per_epoch=8).epoch_drop()
    assert falling == pytest.approx(0.25)
    slope = curves(*[2 - n / 100 for n in range(16)], per_epoch=8).epoch_drop()
    assert slope is not None and abs(slope) < 0.02
    assert curves(*[2.0] * 8, per_epoch=8).epoch_drop() is None
