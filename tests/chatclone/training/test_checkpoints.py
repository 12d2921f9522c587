"""Checkpoints: complete ones, the last one, and the adapter of the last step."""

from pathlib import Path

import pytest

from chatclone.training.checkpoints import best_evaluation, keep_last, last_checkpoint


def checkpoint(run: Path, step: int, *, without: str = "") -> Path:
    folder = run / "checkpoints" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    files = {
        "adapter_model.safetensors": f"weights {step}", "adapter_config.json": "{}", "optimizer.pt": "",
        "trainer_state.json": "{}",
    }  # fmt: skip
    for name, text in files.items():
        if name != without:
            (folder / name).write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("missing", ["adapter_model.safetensors", "optimizer.pt", "trainer_state.json"])
def test_half_written(tmp_path: Path, missing: str) -> None:
    """An incomplete checkpoint is removed, and the one before it is the last."""
    whole, broken = checkpoint(tmp_path, 9), checkpoint(tmp_path, 10, without=missing)
    assert last_checkpoint(tmp_path) == whole
    assert not broken.exists()


def test_split_base(tmp_path: Path) -> None:
    """If the base is split over several processes, the optimizer's state has another file name."""
    whole = checkpoint(tmp_path, 9, without="optimizer.pt")
    (whole / "optimizer.bin").touch()
    assert last_checkpoint(tmp_path) == whole


def test_half_a_state(tmp_path: Path) -> None:
    """A checkpoint with a truncated state file is incomplete."""
    whole, broken = checkpoint(tmp_path, 9), checkpoint(tmp_path, 100)
    (broken / "trainer_state.json").write_text('{"epoch": 1', "utf-8")
    assert last_checkpoint(tmp_path) == whole


def test_by_number(tmp_path: Path) -> None:
    """The last checkpoint is the one with the highest step; without checkpoints there is none."""
    assert last_checkpoint(tmp_path) is None
    last = checkpoint(tmp_path, 100)
    checkpoint(tmp_path, 20)
    assert last_checkpoint(tmp_path) == last


def test_last_adapter(tmp_path: Path) -> None:
    """The adapter of the last step is kept if it is not the best one."""
    checkpoint(tmp_path, 20), checkpoint(tmp_path, 30)
    assert keep_last(tmp_path, 30, 30) is None
    kept = keep_last(tmp_path, 20, 30)
    assert kept is not None
    assert (kept / "adapter_model.safetensors").read_text("utf-8") == "weights 30"
    assert keep_last(tmp_path, 30, 30) is None
    assert not kept.exists()


def test_best() -> None:
    """The best evaluation is the one with the lowest loss."""
    history = [
        {"eval_loss": 3.0, "step": 1},
        {"loss": 0.1, "step": 2},
        {"eval_loss": 2.0, "step": 2},
        {"eval_loss": 2.5},
    ]
    assert best_evaluation(history)["step"] == 2
