"""Which process of several this one is, by what launchers set; and what follows from it."""

import pytest
import torch

from chatclone.training import ranks
from chatclone.training.loading import _place, quantisation_config


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody launched this process."""
    for name in (ranks.RANK, ranks.WORLD_SIZE, ranks.LOCAL_RANK, ranks.SHARDED):
        monkeypatch.delenv(name, raising=False)


def test_alone() -> None:
    """A process that nobody launched is the first and only one, and asks nobody."""
    assert (ranks.number(), ranks.processes(), ranks.is_first(), ranks.sharded()) == (0, 1, True, False)
    ranks.join("cpu")
    assert ranks.agreed("mine") == "mine"
    assert ranks.any_says(True, "cpu") and not ranks.any_says(False, "cpu")


def test_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher tells by the environment; the second of two does not write, and its model is on its own card."""
    monkeypatch.setenv(ranks.RANK, "9")
    monkeypatch.setenv(ranks.WORLD_SIZE, "16")
    monkeypatch.setenv(ranks.LOCAL_RANK, "1")
    assert (ranks.number(), ranks.processes(), ranks.is_first()) == (9, 16, False)
    assert _place("cuda") == {"": 1}


@pytest.mark.parametrize(("value", "sharded"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_sharded(monkeypatch: pytest.MonkeyPatch, value: str, sharded: bool) -> None:
    """Where FSDP splits the base, it is put nowhere yet, and its packed bits are of the type of the other weights."""
    monkeypatch.setenv(ranks.SHARDED, value)
    assert ranks.sharded() is sharded
    assert (_place("cuda") is None) is sharded
    config = quantisation_config("4-bit", torch.bfloat16)
    assert config is not None
    assert config.bnb_4bit_quant_storage == (torch.bfloat16 if sharded else torch.uint8)
