"""The verdict on a run: each of its states, with the reason."""

import pytest

from chatclone.training.run_result import Verdict
from chatclone.training.verdict import judge, sentences
from tests.chatclone.training.making import run_result
from tests.chatclone.training.test_loss_history import curves

FALLING = [4 - n / 10 for n in range(20)]


@pytest.mark.parametrize(
    ("losses", "evals", "state", "reason"),
    [
        (FALLING, {0: 4.0, 10: 3.4, 20: 3.0}, "still improving", "fell by 0.40 in the last 10 steps"),
        (FALLING, {0: 4.0, 10: 3.01, 20: 3.0}, "good", "level at 3.00"),
        (FALLING, {0: 4.0, 10: 3.0, 20: 3.5}, "memorising", "rose from 3.00 at step 10 to 3.50 at step 20"),
        ([2.0] * 10 + [5.0] * 10, {0: 4.0, 10: 3.0, 20: 3.5}, "unsteady", "try a lower learning rate"),
        ([2.0] * 10 + [1.4] * 10, {0: 4.0, 10: 3.01, 20: 3.0}, "memorising", "while the eval loss stays level"),
        (FALLING, {0: 4.0, 10: 4.2, 20: 4.1}, "nothing learnt", "never fell below the base's 4.00"),
        (FALLING, {0: 4.0, 10: 3.995, 20: 3.99}, "nothing learnt", "hardly moved, from 4.000 to 3.990"),
        (FALLING[:10], {0: 4.0, 10: 3.0}, "still improving", "1.00"),
        (FALLING, {0: 4.0, 9: 3.4, 18: 3.0, 20: 3.0}, "still improving", "fell by 0.40 in the last 11 steps"),
        ([2.0] * 10 + [1.4] * 10, {0: 4.0, 10: 3.4, 20: 3.0}, "still improving", "drops by 30% when an epoch begins"),
    ],
)
def test_states(losses: list[float], evals: dict[int, float], state: str, reason: str) -> None:
    """Each state of the verdict with its reason."""
    judged = judge(curves(*losses, per_epoch=10, evals=evals), threshold=0.005)
    assert judged.state == state
    assert reason in judged.reason


def test_a_small_rise_is_noise() -> None:
    """A small rise after the best evaluation is not memorising."""
    drawn = curves(*[3.0] * 20, per_epoch=20, evals={0: 4.0, 10: 3.0, 20: 3.01})
    assert judge(drawn, threshold=0.005).state == "good"


def test_sentences() -> None:
    """A run is good, poor or stopped in plain words, with its figures and the verdict."""
    lines = sentences(run_result(verdict=Verdict("memorising", "the eval loss rose")), "Mira")
    assert "Memorising: the eval loss rose." in lines
    assert lines[0] == "It learnt to write more like Mira."
    assert "perplexity fell from 365 to 60" in lines[1]
    assert "It ran to its end. 100 steps in 1 min 35 s, 812 tokens/s, peak memory 640 MB." in lines
    assert sentences(run_result(eval_loss=5.85), "Mira")[0].startswith("It learnt a little of Mira's style.")
    assert sentences(run_result(eval_loss=6.0), "Mira")[0].startswith("It learnt nothing that helps")
    assert sentences(run_result(stopped="by_user"), "Mira")[-1].startswith("You stopped it")
    assert sentences(run_result(stopped="early"), "Mira")[-1].startswith("It stopped early: no more progress")
