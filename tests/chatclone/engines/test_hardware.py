"""The settings chosen for a machine, with their reasons, and the memory check."""

from pathlib import Path

import pytest

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")

import llama_cpp

from chatclone.engines import hardware
from chatclone.engines.hardware import (
    ALL_LAYERS,
    MemoryNeed,
    check_memory,
    choose_gpu_layers,
    choose_threads,
    free_memory,
)
from chatclone.errors import ChatcloneError
from tests.chatclone.conftest import Tiny

GB = 10**9
SEVEN = MemoryNeed(size=4 * GB, kv_bytes=100_000, context=32_768, layers=32)
"""About a model of 7 billion parameters at 4 bits."""


class TestThreads:
    """The number of threads."""

    def test_small(self) -> None:
        """A model of a few megabytes gets one."""
        assert choose_threads(17_000_000)[0] == 1

    def test_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Any other gets one per core."""
        monkeypatch.setattr(hardware, "physical_cores", lambda: 6)
        assert choose_threads(4 * GB) == (6, "one for each core: 6")


class TestCards:
    """The layers on the GPU."""

    def test_none(self) -> None:
        """Without a GPU the CPU computes all layers, with the reason."""
        layers, reason = choose_gpu_layers(SEVEN, 4096, [])
        assert layers == 0 and "no GPU" in reason

    def test_library_without_support(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A library without GPU support computes on the CPU."""
        monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: False)
        layers, reason = choose_gpu_layers(SEVEN, 4096)
        assert layers == 0 and "without GPU support" in reason

    def test_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With GPU support the library lists the GPUs."""
        monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: True)
        monkeypatch.setattr(hardware, "list_gpus", lambda: [("RTX", 24 * GB)])
        assert choose_gpu_layers(SEVEN, 4096) == (ALL_LAYERS, "all of it fits on RTX")

    def test_all(self) -> None:
        """A model that fits is computed on the GPUs completely, also on two."""
        assert choose_gpu_layers(SEVEN, 4096, [("A", 3 * GB), ("B", 3 * GB)]) == (ALL_LAYERS, "all of it fits on A, B")

    def test_some(self) -> None:
        """When the GPU is too small, it gets the share that fits."""
        layers, reason = choose_gpu_layers(SEVEN, 4096, [("A", 2 * GB)])
        assert layers == int(32 * 0.9 * 2 * GB / (4 * GB + 4096 * 100_000)) == 13
        assert reason.startswith("13 of 32 layers fit on A")

    def test_the_library_is_asked(self) -> None:
        """The library's list of GPUs, which may be empty, is read without an error."""
        assert all(name and free >= 0 for name, free in hardware.list_gpus())


class TestMemory:
    """The memory check before a model is loaded."""

    def test_fits(self) -> None:
        """A model that fits raises nothing."""
        check_memory("m.gguf", SEVEN, 4096, free=5 * GB)

    def test_too_large(self) -> None:
        """A model that does not fit is refused with both numbers and a hint."""
        with pytest.raises(ChatcloneError, match=r"m\.gguf needs 4\.6 GB of memory and 4\.0 GB is free") as caught:
            check_memory("m.gguf", SEVEN, 4096, free=4 * GB)
        assert "--quant q4_k_m" in caught.value.hint

    def test_context_counts(self) -> None:
        """A long context counts, up to the model's trained context."""
        assert SEVEN.bytes_with(40_000) == SEVEN.bytes_with(32_768) == 4 * GB + 32_768 * 100_000
        with pytest.raises(ChatcloneError):
            check_memory("m.gguf", SEVEN, 32_768, free=5 * GB)

    def test_on_the_card(self) -> None:
        """Layers on the GPU need no main memory."""
        check_memory("m.gguf", SEVEN, 4096, ALL_LAYERS, free=GB)
        check_memory("m.gguf", SEVEN, 4096, 16, free=3 * GB)

    def test_container(self, tmp_path: Path) -> None:
        """A container's limit counts; its file cache counts as free."""
        files = {"max": "3000000\n", "current": "2000000\n", "stat": "anon 1500000\nactive_file 200000\n"}
        for name, text in files.items():
            (tmp_path / f"memory.{name}").write_text(text)
        assert free_memory(tmp_path) == 1_200_000
        (tmp_path / "memory.max").write_text("max\n")
        assert free_memory(tmp_path) == pytest.approx(free_memory(tmp_path / "none"), rel=0.2)


class TestMemoryNeed:
    """Memory need from a file's header."""

    def test_tiny(self, tiny: Tiny) -> None:
        """Two layers of two heads of 16 numbers, a key and a value each, in 16 bits."""
        assert MemoryNeed.of(tiny.gguf) == MemoryNeed(tiny.gguf.stat().st_size, 2 * 2 * 2 * (16 + 16), 256, 2)

    def test_in_parts(self, tiny: Tiny, tmp_path: Path) -> None:
        """The size of a split model is that of all its files; its name may contain any character."""
        first = tmp_path / "my [model]-00001-of-00002.gguf"
        first.write_bytes(tiny.gguf.read_bytes())
        (tmp_path / "my [model]-00002-of-00002.gguf").write_bytes(b"x" * 1000)
        (tmp_path / "my [model]-00003-of-00003.gguf").write_bytes(b"x" * 1000)
        assert MemoryNeed.of(first).size == tiny.gguf.stat().st_size + 1000
