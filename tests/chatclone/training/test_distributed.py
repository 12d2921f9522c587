"""The process's number among several, from the launcher's environment variables."""

import pytest
import torch

from chatclone.training import distributed
from chatclone.training.load_base import _device_map, quantisation_config


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without a launcher."""
    for name in (distributed.RANK, distributed.WORLD_SIZE, distributed.LOCAL_RANK, distributed.SHARDED):
        monkeypatch.delenv(name, raising=False)


def test_alone() -> None:
    """A process without a launcher is the first and only one, and does not communicate."""
    assert (distributed.rank(), distributed.processes(), distributed.is_first(), distributed.sharded()) == (
        0,
        1,
        True,
        False,
    )
    distributed.join("cpu")
    assert distributed.broadcast("mine") == "mine"
    assert distributed.any_process(True, "cpu") and not distributed.any_process(False, "cpu")


def test_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two processes does not write, and its model is on its own GPU."""
    monkeypatch.setenv(distributed.RANK, "9")
    monkeypatch.setenv(distributed.WORLD_SIZE, "16")
    monkeypatch.setenv(distributed.LOCAL_RANK, "1")
    assert (distributed.rank(), distributed.processes(), distributed.is_first()) == (9, 16, False)
    assert _device_map("cuda") == {"": 1}


@pytest.mark.parametrize(("value", "sharded"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_sharded(monkeypatch: pytest.MonkeyPatch, value: str, sharded: bool) -> None:
    """With FSDP the base has no device map, and its packed bits have the type of the other weights."""
    monkeypatch.setenv(distributed.SHARDED, value)
    assert distributed.sharded() is sharded
    assert (_device_map("cuda") is None) is sharded
    config = quantisation_config("4-bit", torch.bfloat16)
    assert config is not None
    assert config.bnb_4bit_quant_storage == (torch.bfloat16 if sharded else torch.uint8)
