"""The verdict on a run: each of its states, with the reason."""

import pytest

from chatclone.training.verdict import judge, verdict
from tests.chatclone.training.test_curves import curves

FALLING = [4 - n / 10 for n in range(20)]


@pytest.mark.parametrize(
    ("losses", "evals", "state", "reason"),
    [
        (FALLING, {0: 4.0, 10: 3.4, 20: 3.0}, "still improving", "fell by 0.40 in the last 10 steps"),
        (FALLING, {0: 4.0, 10: 3.01, 20: 3.0}, "good", "level at 3.00"),
        (FALLING, {0: 4.0, 10: 3.0, 20: 3.5}, "memorising", "rose from 3.00 at step 10 to 3.50 at step 20"),
        ([2.0] * 10 + [5.0] * 10, {0: 4.0, 10: 3.0, 20: 3.5}, "unsteady", "a lower learning rate"),
        ([2.0] * 10 + [1.4] * 10, {0: 4.0, 10: 3.01, 20: 3.0}, "memorising", "the eval loss no longer falls with it"),
        (FALLING, {0: 4.0, 10: 4.2, 20: 4.1}, "nothing learnt", "never fell below the base's 4.00"),
        (FALLING, {0: 4.0, 10: 3.995, 20: 3.99}, "nothing learnt", "hardly moved, from 4.000 to 3.990"),
        (FALLING[:10], {0: 4.0, 10: 3.0}, "still improving", "1.00"),
        (FALLING, {0: 4.0, 9: 3.4, 18: 3.0, 20: 3.0}, "still improving", "fell by 0.40 in the last 11 steps"),
        ([2.0] * 10 + [1.4] * 10, {0: 4.0, 10: 3.4, 20: 3.0}, "still improving", "falls by 30% as an epoch begins"),
    ],
)
def test_states(losses: list[float], evals: dict[int, float], state: str, reason: str) -> None:
    """Still falling, level, rising by heart, rising with the train loss, recognised, or nothing."""
    judged = judge(curves(*losses, per_epoch=10, evals=evals), threshold=0.005)
    assert judged.state == state
    assert reason in judged.reason


def test_a_small_rise_is_noise() -> None:
    """Early stopping runs a little past the best: that alone is not memorising."""
    drawn = curves(*[3.0] * 20, per_epoch=20, evals={0: 4.0, 10: 3.0, 20: 3.01})
    assert judge(drawn, threshold=0.005).state == "good"


def test_words_carry_the_verdict() -> None:
    """The state and its reason stand among the sentences."""
    result = {
        "base_eval_loss": 4.0, "eval_loss": 3.0, "eval_token_accuracy": 0.4, "base_eval_token_accuracy": 0.3,
        "steps": 20, "best_step": 10, "stopped": "early", "seconds": 5.0, "tokens_per_second": 10.0,
        "peak_memory_mb": 1.0, "verdict": {"state": "memorising", "reason": "the eval loss rose"},
    }  # fmt: skip
    assert "Memorising: the eval loss rose." in verdict(result, "Mira")
