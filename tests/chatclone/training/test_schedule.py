"""The schedule: steps counted in replies, rows counted by TRL's packing."""

from typing import Any

import pytest
from msgspec.structs import replace

from chatclone.training.schedule import schedule
from chatclone.training.setting_bounds import TrainConfig, preset


def settings(name: str = "persona", **changes: Any) -> TrainConfig:
    config, _ = preset(name)
    return replace(config, **{"max_length": 512, "device": "cpu", **changes})


def test_seed_a() -> None:
    """1,700 pairs make 106 steps an epoch with batch 4, accumulated 4 times, evaluated every 50."""
    steps = schedule([60] * 1700, 1700, settings("telegram-qwen", packing=False))
    assert (steps.rows_per_step, steps.evaluate_every) == (16, 50)
    assert steps.steps_per_epoch == 107  # the original dropped the last, incomplete one
    packed = schedule([60] * 1700, 1700, settings("telegram-qwen"))
    assert (packed.rows, packed.row_tokens, packed.rows_per_step) == (425, 256, 4)
    assert packed.steps_per_epoch == 107


def test_small_data_gives_steps() -> None:
    """The batch shrinks rather than the number of steps."""
    steps = schedule([60] * 200, 200, settings(minimum_steps=150, epochs=3))
    assert 45 <= steps.steps_per_epoch <= 60


def test_rows_are_as_long_as_needed() -> None:
    """A row is no longer than the longest sample needs, and no sample is longer than a row."""
    assert schedule([60] * 50, 50, settings()).row_tokens == 256
    assert schedule([60] * 50 + [300], 51, settings()).row_tokens == 512
    assert schedule([60] * 50 + [400], 51, settings(max_length=448)).row_tokens == 448


def test_rows_at_once() -> None:
    """A GPU computes a power of two rows at once, a processor one; a step has the same replies either way."""
    lengths, replies = [500] * 1000, 1000
    cpu, gpu = (schedule(lengths, replies, settings(device=device)) for device in ("cpu", "cuda"))
    asked = schedule(lengths, replies, settings(rows_at_once=6))
    assert [s.rows_at_once for s in (cpu, gpu, asked)] == [1, 4, 4]
    assert cpu.rows_per_step == gpu.rows_per_step == asked.rows_per_step
    assert cpu.planned_steps == gpu.planned_steps


@pytest.mark.parametrize("samples", [40, 190, 331, 1000])
def test_halved(samples: int) -> None:
    """A step has the same rows, however many are computed at once, so that they can be halved during a run."""
    made = [schedule([500] * samples, samples, settings(rows_at_once=n)) for n in (1, 2, 4, 8)]
    assert len({(s.rows_per_step, s.steps_per_epoch, s.planned_steps, s.evaluate_every) for s in made}) == 1
    assert all(s.rows_at_once * s.accumulation == s.rows_per_step for s in made)


def test_evaluations() -> None:
    """Evaluations are set by epoch or by steps, and there is at least one."""
    steps = schedule([60] * 640, 640, settings(evaluations_per_epoch=4))
    assert (steps.steps_per_epoch, steps.evaluate_every) == (54, 13)
    assert schedule([60] * 640, 640, settings(evaluate_every=7)).evaluate_every == 7
    short = schedule([60] * 20, 20, settings(evaluate_every=1000, minimum_steps=0))
    assert short.evaluate_every == short.planned_steps


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_a_step(processes: int) -> None:
    """Several processes take the same steps as one, sharing their rows; a smaller step grows to one row each."""
    lengths = [500] * 1024
    one, several = (schedule(lengths, 1024, settings(), count) for count in (1, processes))
    assert one.rows_per_step == several.rows_per_step >= 4
    assert several.accumulation * several.rows_at_once * processes == several.rows_per_step
    assert (several.steps_per_epoch, several.evaluate_every) == (one.steps_per_epoch, one.evaluate_every)
    small = schedule([500] * 64, 64, settings(minimum_steps=150), processes)
    assert small.rows_per_step == processes
    assert small.steps_per_epoch == 64 // processes
