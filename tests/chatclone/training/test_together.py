"""Two processes started by torchrun give the same curve as one, and only the first one writes."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from chatclone.personas.persona import Persona
from chatclone.training.events import BaseLoaded, Begun, DataReady, Done, Started, Step, history
from chatclone.training.launch import Launch
from chatclone.training.plan import make_plan
from chatclone.training.train_run import run
from tests.chatclone.training.conftest import QUICK, Train

SAME = {
    **QUICK, "epochs": "1", "minimum_steps": "4", "dropout": "0", "memory_share": "0", "evaluations_per_epoch": "1",
    "packing": "false", "replies_per_step": "14",
}  # fmt: skip
"""Steps with an even number of rows, and no randomness."""


def steps(folder: Path) -> list[Step]:
    return [event for event in history(folder) if isinstance(event, Step)]


def test_two_processes_learn_as_one(mira: Persona, llama: str, train: Train) -> None:
    """Over gloo, with the same rows a step, the loss of every step is that of one process; the first one writes."""
    alone = make_plan(mira, llama, overrides=SAME)
    together = replace(alone, folder=str(Path(alone.folder).with_name("together")), run="together")
    one = train(alone)
    two = run(mira, together, launch=Launch(processes=2))
    assert (one.processes, two.processes) == (1, 2)
    assert two.settings["rows_per_step"] == one.settings["rows_per_step"] >= 2
    assert two.settings["accumulation"] * 2 == one.settings["accumulation"]
    pairs = list(zip(steps(Path(alone.folder)), steps(Path(together.folder)), strict=True))
    assert len(pairs) == one.steps >= 3
    for left, right in pairs[: len(pairs) - 1]:  # the last one of an epoch is filled up to whole batches
        assert right.step == left.step
        assert right.loss == pytest.approx(left.loss, rel=1e-3)
        assert right.grad_norm == pytest.approx(left.grad_norm, rel=1e-3)
        assert right.num_tokens == left.num_tokens
    assert two.eval_loss == pytest.approx(one.eval_loss, rel=1e-2)
    kinds = [type(event) for event in history(Path(together.folder))]
    assert all(kinds.count(kind) == 1 for kind in (Started, BaseLoaded, DataReady, Begun, Done))
