"""The parity report, on two engines whose logits are known."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from chatclone.export.parity import compare, log_softmax
from chatclone.prompt import ChatMessage
from tests.fakes import chatml

CONVERSATIONS = [[ChatMessage("user", text)] for text in ("hey", "what are you up to")]


class Table:
    """Gives every token the same logits."""

    def __init__(self, *logits: float) -> None:
        self.template = chatml()
        self.context = 512
        self.row = np.array(logits, dtype=np.float32)

    def logits(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Return the row for every id."""
        return np.tile(self.row, (len(ids), 1))


class TestCompare:
    """The numbers mean what their names say."""

    def test_equal(self) -> None:
        """An engine agrees with itself entirely."""
        assert compare(Table(1, 2, 3), Table(1, 2, 3), CONVERSATIONS).as_dict() == {
            "prompts": 2,
            "token_ids_equal": True,
            "top1_agreement": 1.0,
            "max_logprob_diff": 0.0,
            "mean_kl": 0.0,
        }

    def test_known_difference(self) -> None:
        """Against (1/2, 1/2), (3/4, 1/4) differs by log 3/2 at the top, and by its KL."""
        parity = compare(Table(np.log(3), 0), Table(0, 0), CONVERSATIONS)
        assert parity.max_logprob_diff == pytest.approx(np.log(1.5), abs=1e-6)
        assert parity.mean_kl == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5), abs=1e-6)

    def test_another_choice(self) -> None:
        """Where another token is likelier, they do not agree."""
        assert compare(Table(1, 0), Table(0, 1), CONVERSATIONS).top1_agreement == 0.0

    def test_other_ids(self) -> None:
        """A tokenizer that differs in one prompt is told."""
        other = Table(1, 2)
        other.template = replace(chatml(), encode=lambda text: [7])
        assert not compare(Table(1, 2), other, CONVERSATIONS).token_ids_equal

    def test_padded_vocabulary(self) -> None:
        """Logits of tokens that only one engine has room for are left out."""
        assert compare(Table(1, 2, -9, -9), Table(1, 2), CONVERSATIONS).top1_agreement == 1.0


def test_log_softmax() -> None:
    """Log-probabilities add up to one, however large the logits."""
    rows = log_softmax(np.array([[1000.0, 1000.0], [0.0, 5.0]], dtype=np.float32))
    assert np.exp(rows).sum(axis=1) == pytest.approx([1, 1])
    assert rows[0, 0] == pytest.approx(np.log(0.5))
