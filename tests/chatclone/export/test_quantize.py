"""The default quantization, and quantizing a file."""

from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError, UsageError
from chatclone.export.quantize import default_quant, disk_bytes, parse_quant, quantize
from tests.chatclone.conftest import Tiny


class TestChoice:
    """The default follows from the size of the base, with a reason."""

    @pytest.mark.parametrize(
        ("parameters", "quant"), [(8e6, "f16"), (0.5e9, "q8_0"), (1.5e9, "q8_0"), (3e9, "q4_k_m"), (8e9, "q4_k_m")]
    )
    def test_by_size(self, parameters: float, quant: str) -> None:
        """The larger the model, the fewer bits."""
        chosen, reason = default_quant(int(parameters))
        assert chosen == quant
        assert reason

    def test_names(self) -> None:
        """Names are read in any case; an unknown one is an error that lists the known ones."""
        assert parse_quant("Q4_K_M") == "q4_k_m"
        with pytest.raises(UsageError, match="no quantization called q3") as caught:
            parse_quant("q3")
        assert "q8_0" in caught.value.hint


def test_disk_bytes() -> None:
    """The f16 file exists until it is quantized."""
    assert disk_bytes(1_000_000_000, "f16") == 2_000_000_000
    assert disk_bytes(1_000_000_000, "q4_k_m") == 2_630_000_000


class TestQuantize:
    """llama.cpp's own quantization."""

    def test_smaller(self, tiny: Tiny, tmp_path: Path) -> None:
        """The file is smaller and can be loaded."""
        from chatclone.gguf.model_file import GgufModel

        quantize(tiny.gguf, tmp_path / "q8.gguf", "q8_0")
        assert (tmp_path / "q8.gguf").stat().st_size < 0.7 * tiny.gguf.stat().st_size
        GgufModel(tmp_path / "q8.gguf").close()

    def test_failure_leaves_nothing(self, tiny: Tiny, tmp_path: Path) -> None:
        """A failure leaves no file."""
        (tmp_path / "cut.gguf").write_bytes(tiny.gguf.read_bytes()[:9000])
        with pytest.raises(ChatcloneError, match="cannot quantize"):
            quantize(tmp_path / "cut.gguf", tmp_path / "out.gguf", "q8_0")
        assert [p.name for p in tmp_path.iterdir()] == ["cut.gguf"]
