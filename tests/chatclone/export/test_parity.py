"""The parity report, on two engines whose logits are known."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from chatclone.export.parity import (
    Agreement,
    Reading,
    compare,
    log_softmax,
    mean_loss,
    prompt_ids_equal,
    readings,
)
from chatclone.export.parity_prompts import Probe
from chatclone.export.parity_report import Loss
from chatclone.prompt.render import IGNORED, ChatMessage
from tests.fakes import chatml

ASKED = Probe((ChatMessage("user", "hey"),), "hostile")
ANSWERED = Probe((ChatMessage("user", "hey"), ChatMessage("assistant", "hi", trained=True)), "held_out")
IDS = tuple(range(100))
UNTRAINED = Reading(IDS, (IGNORED,) * 100)
TRAINED = Reading(IDS, (IGNORED,) * 98 + (0, 1))
"""Its last two tokens are trained: 0 and 1."""


class Table:
    """Gives every token the same logits."""

    def __init__(self, *logits: float) -> None:
        self.template = chatml()
        self.context = 512
        self.row = np.array(logits, dtype=np.float32)
        self.read = 0

    def logits(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Return the row for every id."""
        self.read += 1
        return np.tile(self.row, (len(ids), 1))


class TestAgreement:
    """The numbers of an agreement."""

    def test_equal(self) -> None:
        """An engine agrees with itself entirely."""
        agreement, _ = compare(Table(1, 2, 3), Table(1, 2, 3), [UNTRAINED, UNTRAINED])
        assert agreement == Agreement(200, 1.0, 0.0, 0.0, 0.0)

    def test_known_difference(self) -> None:
        """Against (1/2, 1/2), (3/4, 1/4) differs by log 3/2 at the top, and by its KL."""
        agreement, _ = compare(Table(np.log(3), 0), Table(0, 0), [UNTRAINED])
        assert agreement.max_logprob_diff == pytest.approx(np.log(1.5), abs=1e-6)
        assert agreement.mean_logprob_diff == pytest.approx(np.log(1.5), abs=1e-6)
        assert agreement.mean_kl == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5), abs=1e-6)

    def test_another_choice(self) -> None:
        """Where another token is likelier, they do not agree."""
        assert compare(Table(1, 0), Table(0, 1), [UNTRAINED])[0].top1_agreement == 0.0

    def test_padded_vocabulary(self) -> None:
        """Logits of padding tokens are left out."""
        assert compare(Table(1, 2, -9, -9), Table(1, 2), [UNTRAINED])[0].top1_agreement == 1.0

    def test_read_once(self) -> None:
        """Each engine reads a conversation once, for agreement and loss together."""
        ours, theirs = Table(1, 2), Table(1, 2)
        compare(ours, theirs, [TRAINED, UNTRAINED])
        assert (ours.read, theirs.read) == (2, 2)


class TestLoss:
    """Loss in nats a trained token, and the share of the gain that an export keeps."""

    def test_known(self) -> None:
        """Of (3/4, 1/4), the tokens 0 and 1 cost log 4/3 and log 4."""
        _, loss = compare(Table(np.log(3), 0), Table(0, 0), [TRAINED, UNTRAINED])
        assert loss.trained_tokens == 2
        assert loss.adapter == pytest.approx((np.log(4 / 3) + np.log(4)) / 2)
        assert loss.gguf == pytest.approx(np.log(2))

    def test_of_one_engine(self) -> None:
        """Conversations without trained tokens are not read."""
        engine = Table(0, 0)
        assert mean_loss(engine, [UNTRAINED, TRAINED]) == pytest.approx(np.log(2))
        assert engine.read == 1

    def test_nothing_trained(self) -> None:
        """Without a held-out reply there is no loss."""
        assert compare(Table(0, 0), Table(0, 0), [UNTRAINED])[1] == Loss(0)
        assert mean_loss(Table(0, 0), [UNTRAINED]) is None

    def test_kept(self) -> None:
        """Of a gain of two nats, an export that is half a nat worse keeps three quarters."""
        assert Loss(9, 5.0, 3.0, 3.5).kept == pytest.approx(0.75)

    @pytest.mark.parametrize("adapter", [5.0, 5.5, 4.995])
    def test_no_gain(self, adapter: float) -> None:
        """Without a gain of the adapter there is no share."""
        assert Loss(9, 5.0, adapter, 5.0).kept is None
        assert Loss(0).kept is None


class TestReadings:
    """The token ids that are read, and their labels."""

    def test_held_out(self) -> None:
        """A held-out conversation is read completely, with labels for its reply and end of turn."""
        (reading,) = readings(chatml(), [ANSWERED], 200)
        labelled = [label for label in reading.labels if label != IGNORED]
        assert chatml().decode(labelled) == "hi"
        assert labelled[-1] in chatml().stop_ids
        assert reading.targets()[-1] == IGNORED

    def test_others(self) -> None:
        """Training data does not count for the loss."""
        (reading,) = readings(chatml(), [replace(ANSWERED, source="training")], 200)
        assert set(reading.labels) == {IGNORED}
        assert reading.ids == chatml().prompt(ASKED.messages, 200).ids

    def test_untrained(self) -> None:
        """A held-out conversation without a trained reply is compared, but has no loss."""
        untrained = Probe((ChatMessage("user", "hey"), ChatMessage("assistant", "hi")), "held_out")
        (reading,) = readings(chatml(), [untrained], 200)
        assert set(reading.labels) == {IGNORED}

    def test_too_long(self) -> None:
        """What does not fit the context is left out."""
        assert readings(chatml(), [Probe((ChatMessage("user", "hey " * 100),), "hostile")], 50) == []


class TestPromptIds:
    """Every prompt must become the same ids in both."""

    def test_equal(self) -> None:
        """The same template and tokenizer give the same ids."""
        assert prompt_ids_equal(chatml(), chatml(), [ASKED, ANSWERED], 200)

    def test_other_ids(self) -> None:
        """A tokenizer that differs in one prompt is noticed."""
        other = replace(chatml(), encode=lambda text: [7])
        assert not prompt_ids_equal(chatml(), other, [ANSWERED], 200)


def test_log_softmax() -> None:
    """Log-probabilities add up to one, however large the logits."""
    rows = log_softmax(np.array([[1000.0, 1000.0], [0.0, 5.0]], dtype=np.float32))
    assert np.exp(rows).sum(axis=1) == pytest.approx([1, 1])
    assert rows[0, 0] == pytest.approx(np.log(0.5))
