"""A base from the hub is downloaded after the user has agreed to its size."""

from pathlib import Path

import pytest

from chatclone.bases.download import Offer, download
from chatclone.errors import ChatcloneError

FILES = {
    "config.json": 1_000,
    "model.safetensors": 1_999_999_000,
    "tokenizer.json": 0,
    "README.md": 0,
    "pytorch_model.bin": 2_000_000_000,
    "onnx/model.onnx": 5,
    "flax_model.msgpack": 7,
}


class FakeHub:
    """A hub with one model."""

    def __init__(self, cache: Path, files: dict[str, int]) -> None:
        self._cache, self._files = cache, files
        self.fetched: list[tuple[str, tuple[str, ...]]] = []

    def files(self, base: str) -> dict[str, int]:
        """Return the model's files, whatever it is called."""
        return self._files

    def fetch(self, base: str, patterns: tuple[str, ...]) -> Path:
        """Note what is downloaded."""
        self.fetched.append((base, patterns))
        return self._cache / base

    def cache(self) -> Path:
        """Return a folder that may not exist."""
        return self._cache / "not" / "yet"


def test_told_then_fetched(tmp_path: Path) -> None:
    """Only what training needs is counted and downloaded: no pickles, no other formats."""
    hub = FakeHub(tmp_path, FILES)
    told: list[Offer] = []

    def agree(offer: Offer) -> bool:
        told.append(offer)
        return hub.fetched == []

    folder = download("a/b", agree, hub)
    assert told == [Offer("a/b", 4, 2_000_000_000)]
    assert str(told[0]) == "a/b: 2.00 GB in 4 files from the model hub"
    assert hub.fetched == [("a/b", ("config.json", "model.safetensors", "tokenizer.json", "README.md"))]
    assert folder == tmp_path / "a/b"


def test_no(tmp_path: Path) -> None:
    """Without agreement nothing is downloaded."""
    hub = FakeHub(tmp_path, FILES)
    with pytest.raises(ChatcloneError, match="not downloaded"):
        download("a/b", lambda offer: False, hub)
    assert hub.fetched == []


def test_pickles(tmp_path: Path) -> None:
    """A model with only pickled weights is refused before the user is asked."""
    hub = FakeHub(tmp_path, {"config.json": 1, "pytorch_model.bin": 9})
    with pytest.raises(ChatcloneError, match="no safetensors"):
        download("a/b", lambda offer: pytest.fail("asked"), hub)


def test_no_space(tmp_path: Path) -> None:
    """A base larger than the free disk is refused with both sizes."""
    hub = FakeHub(tmp_path, {"config.json": 1, "model.safetensors": 10**15})
    with pytest.raises(ChatcloneError, match=r"needs 1,000,000.0 GB, but .* GB are free"):
        download("a/b", lambda offer: pytest.fail("asked"), hub)
