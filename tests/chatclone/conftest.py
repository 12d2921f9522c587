"""Tiny models shared by the tests of engines and export, made once a session."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError
from tests.tiny import tiny_adapter, tiny_base


@dataclass(frozen=True)
class Tiny:
    """A base model, an adapter for it, and both as GGUF."""

    base: Path
    adapter: Path
    gguf: Path
    lora: Path


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny Llama and an adapter for it."""
    folder = tmp_path_factory.mktemp("tiny")
    base = tiny_base(folder / "base")
    return base, tiny_adapter(base, folder / "run-1" / "adapter")


@pytest.fixture(scope="session")
def scripts(pytestconfig: pytest.Config) -> Path:
    """llama.cpp's converter, kept between test runs in pytest's own cache; without it a test says what it needed."""
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    from chatclone.export.converter import scripts_folder

    try:
        return scripts_folder(Path(pytestconfig.cache.mkdir("chatclone")))
    except ChatcloneError as error:
        pytest.skip(f"no converter: {error.message}")


@pytest.fixture(scope="session")
def tiny(tiny_folders: tuple[Path, Path], scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The tiny Llama and its adapter, also in f16 GGUF."""
    from chatclone.export.adapter import adapter_gguf
    from chatclone.export.base import base_gguf

    base, adapter = tiny_folders
    folder = tmp_path_factory.mktemp("gguf")
    gguf = base_gguf(base, "tiny", "f16", folder, scripts, lambda _: None)
    adapter_gguf(adapter, base, folder / "lora.gguf", scripts)
    return Tiny(base, adapter, gguf, folder / "lora.gguf")
