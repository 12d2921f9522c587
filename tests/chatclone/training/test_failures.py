"""Errors for what ends a run from outside."""

import errno
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from safetensors import SafetensorError

from chatclone.training import failures
from chatclone.training.plan import Plan
from tests.chatclone.training.making import model_folder, small_plan


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A plan whose base exists."""
    plan = small_plan(checkpointing="off", max_length=1024, quantisation="none")
    return replace(plan, folder=str(tmp_path), base_folder=str(model_folder(tmp_path / "base")))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_memory(plan: Plan, error: Exception) -> None:
    """The error for too little memory names settings that need less, if they are not set already."""
    told = failures.explain(error, plan)
    assert told is not None
    assert "memory ran out" in told.message
    assert "--set checkpointing=on" in told.hint and "max_length=512" in told.hint and "4-bit" in told.hint
    tight = plan.decided(checkpointing=("on", ""), quantisation=("4-bit", ""))
    hint = failures.out_of_memory(tight).hint
    assert "checkpointing" not in hint and "4-bit" not in hint


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_disk(plan: Plan, error: Exception) -> None:
    """A full disk is recognised in the errors of any library."""
    told = failures.explain(error, plan)
    assert told is not None
    assert "disk is full" in told.message and "checkpoint" not in told.message and "--resume" not in told.hint
    (Path(plan.folder) / "checkpoints" / "checkpoint-2").mkdir(parents=True)
    told = failures.explain(error, plan)
    assert told is not None
    assert "the previous one is intact" in told.message and "--resume" in told.hint


def test_lost_base(plan: Plan) -> None:
    """A base whose folder is gone has its own error."""
    (Path(plan.base_folder) / "config.json").unlink()
    told = failures.explain(FileNotFoundError("model.safetensors"), plan)
    assert told is not None and "no longer in" in told.message


def test_bug(plan: Plan) -> None:
    """Anything else is a bug and keeps its traceback."""
    assert failures.explain(RuntimeError("shapes do not match"), plan) is None
    assert failures.explain(KeyError("x"), plan) is None
