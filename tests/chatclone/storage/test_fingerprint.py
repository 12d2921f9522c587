"""The mark that tells weights apart."""

import random
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError
from chatclone.storage.fingerprint import PIECE, PIECES, check_pair, check_weights, file_mark, weights_mark


def weights(path: Path, seed: int, size: int) -> Path:
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


@pytest.mark.parametrize("size", [0, 10, PIECE, 3 * PIECE + 7, 2 * PIECE * PIECES])
def test_same(tmp_path: Path, size: int) -> None:
    """The same bytes have one mark, wherever they lie."""
    assert file_mark(weights(tmp_path / "a", 1, size)) == file_mark(weights(tmp_path / "b", 1, size))


@pytest.mark.parametrize("size", [10, 3 * PIECE + 7, 2 * PIECE * PIECES])
def test_others(tmp_path: Path, size: int) -> None:
    """Other weights of the same size, and the same ones cut short, have others."""
    marks = {file_mark(weights(tmp_path / "a", seed, size)) for seed in range(3)}
    marks.add(file_mark(weights(tmp_path / "a", 0, size - 1)))
    assert len(marks) == 4


def test_the_end_counts(tmp_path: Path) -> None:
    """The last bytes are among those read."""
    file = weights(tmp_path / "a", 1, 5 * PIECE * PIECES + 3)
    before = file_mark(file)
    with file.open("r+b") as opened:
        opened.seek(-1, 2)
        opened.write(bytes([file.read_bytes()[-1] ^ 1]))
    assert file_mark(file) != before


def test_weights_of_a_model(tmp_path: Path) -> None:
    """A model's mark is that of all its weights, not of its folder or what else is in there."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for part in (1, 2):
            weights(tmp_path / name / f"model-{part}.safetensors", part, 1000)
    (tmp_path / "b" / "config.json").write_text("{}")
    assert weights_mark(tmp_path / "a") == weights_mark(tmp_path / "b")
    weights(tmp_path / "b" / "model-2.safetensors", 3, 1000)
    assert weights_mark(tmp_path / "a") != weights_mark(tmp_path / "b")


def test_checks(tmp_path: Path) -> None:
    """What has changed is named, with what to do; where no mark is known nothing is said."""
    base = weights(tmp_path / "base.gguf", 1, 1000)
    lora = tmp_path / "lora.gguf"
    check_pair(base, lora, file_mark(base))
    check_pair(base, lora, "")
    with pytest.raises(ChatcloneError, match=r"base\.gguf is not the base that lora\.gguf was exported for") as caught:
        check_pair(weights(base, 2, 1000), lora, file_mark(weights(tmp_path / "old.gguf", 1, 1000)))
    assert caught.value.hint.startswith("export again")
    check_weights(tmp_path, "starter", lora, weights_mark(tmp_path))
    check_weights(tmp_path, "starter", lora, "")
    with pytest.raises(ChatcloneError, match=r"the base starter has changed since lora\.gguf was exported"):
        check_weights(tmp_path, "starter", lora, "0123456789abcdef")
