"""The header of a GGUF file."""

import struct
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError
from chatclone.gguf.header import quantization_of, read_metadata
from tests.chatclone.conftest import Tiny


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _gguf(*pairs: bytes) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs)


class TestValues:
    """Single values are read, arrays are skipped."""

    def test_every_kind(self, tmp_path: Path) -> None:
        """Numbers, booleans, text, and values after arrays of each kind."""
        inner = struct.pack("<IQ", 8, 2) + _string("x") + _string("y")
        path = tmp_path / "a.gguf"
        path.write_bytes(
            _gguf(
                _string("text") + struct.pack("<I", 8) + _string("привет"),
                _string("words") + struct.pack("<I", 9) + inner,
                _string("numbers") + struct.pack("<IIQ3H", 9, 2, 3, 1, 2, 3),
                _string("lists") + struct.pack("<IIQ", 9, 9, 1) + inner,
                _string("count") + struct.pack("<II", 4, 7),
                _string("share") + struct.pack("<If", 6, 0.5),
                _string("yes") + struct.pack("<I?", 7, True),
            )
        )
        assert read_metadata(path) == {"text": "привет", "count": 7, "share": 0.5, "yes": True}

    def test_of_a_model(self, tiny: Tiny) -> None:
        """A converted model has its architecture and its quantization."""
        metadata = read_metadata(tiny.gguf)
        assert metadata["general.architecture"] == "llama"
        assert metadata["llama.block_count"] == 2
        assert quantization_of(metadata) == "f16"
        assert read_metadata(tiny.lora)["general.type"] == "adapter"

    @pytest.mark.parametrize(("number", "name"), [(7, "q8_0"), (15, "q4_k_m"), (3, "type 3")])
    def test_quant(self, number: int, name: str) -> None:
        """The quantizations of --quant are known by name."""
        assert quantization_of({"general.file_type": number}) == name

    def test_no_quant(self) -> None:
        """A file without a file type is "unknown"."""
        assert quantization_of({}) == "unknown"


class TestRefused:
    """Files that are not GGUF, or truncated."""

    def test_missing(self, tmp_path: Path) -> None:
        """A missing file is named in the error."""
        with pytest.raises(ChatcloneError, match=r"cannot read .*none\.gguf"):
            read_metadata(tmp_path / "none.gguf")

    def test_no_gguf(self, tmp_path: Path) -> None:
        """A file of another kind is refused."""
        (tmp_path / "a.gguf").write_bytes(b"PK\x03\x04")
        with pytest.raises(ChatcloneError, match="is not a GGUF file"):
            read_metadata(tmp_path / "a.gguf")

    @pytest.mark.parametrize("length", [4, 20, 30, 500, 4000])
    def test_cut(self, tiny: Tiny, tmp_path: Path, length: int) -> None:
        """A header that ends too soon is damaged."""
        (tmp_path / "a.gguf").write_bytes(tiny.gguf.read_bytes()[:length])
        with pytest.raises(ChatcloneError, match=r"header of a\.gguf is damaged"):
            read_metadata(tmp_path / "a.gguf")

    @pytest.mark.parametrize("kind", [8, 9, 77])
    def test_nonsense(self, tmp_path: Path, kind: int) -> None:
        """Impossible lengths and unknown types are damage too."""
        (tmp_path / "a.gguf").write_bytes(_gguf(_string("x") + struct.pack("<IIQ", kind, 4, 2**63)))
        with pytest.raises(ChatcloneError, match="damaged"):
            read_metadata(tmp_path / "a.gguf")
