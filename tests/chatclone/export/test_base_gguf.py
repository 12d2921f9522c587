"""A base model as GGUF: where it is kept, and that it ends a turn where training does."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from chatclone.errors import ChatcloneError
from chatclone.export import base_gguf as base_module
from chatclone.export.base_gguf import (
    cached_base,
    check_stop_ids,
    convert,
    fingerprint,
    missing_stop_ids,
    template_of,
)
from chatclone.gguf.header import quantization_of, read_metadata
from tests.chatclone.conftest import ODD_END, Tiny

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")


@pytest.fixture
def odd(tiny: Tiny, tmp_path: Path) -> Path:
    """The tiny Llama, trained to end a turn with a token that does not end one in llama.cpp."""
    folder = tmp_path / "odd"
    shutil.copytree(tiny.base, folder)
    ends = {"eos_token_id": [*sorted(template_of(tiny.base).stop_ids), ODD_END]}
    (folder / "generation_config.json").write_text(json.dumps(ends))
    return folder


class _Converter:
    """Replaces the conversion process: copies a prepared file, and records the metadata."""

    def __init__(self, plain: Path, named: Path) -> None:
        self.files = plain, named
        self.keys: list[dict[str, Any]] = []

    def __call__(self, scripts: Path, script: str, *arguments: Any, metadata: dict[str, Any]) -> None:
        out = arguments[arguments.index("--outfile") + 1]
        shutil.copy(self.files["tokenizer.ggml.eot_token_id" in metadata], out)
        self.keys.append(dict(metadata))


class TestEndOfTurn:
    """What ends a turn in training ends it in the GGUF."""

    def test_missing(self, odd: Path, tiny: Tiny) -> None:
        """A token of the generation config at which llama.cpp does not stop is refused."""
        assert missing_stop_ids(tiny.base, tiny.gguf) == []
        assert missing_stop_ids(odd, tiny.gguf) == [ODD_END]
        with pytest.raises(ChatcloneError, match=f"past the end of a turn: token {ODD_END} does not end one"):
            check_stop_ids(odd, tiny.gguf)

    def test_named(self, odd: Path, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The model is converted again with the token named, which then ends a turn."""
        converter = _Converter(tiny.gguf, tiny.gguf.with_name("odd-end-f16.gguf"))
        monkeypatch.setattr(base_module, "run_script", converter)
        convert(odd, tmp_path / "out.gguf", "f16", tmp_path, "odd", {"chatclone.name": "Mira"})
        assert missing_stop_ids(odd, tmp_path / "out.gguf") == []
        first, second = converter.keys
        assert first["tokenizer.chat_template"] == template_of(odd).source
        assert second == {**first, "tokenizer.ggml.eot_token_id": ODD_END}

    def test_quantized(self, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The f16 file is removed after quantization."""
        monkeypatch.setattr(base_module, "run_script", _Converter(tiny.gguf, tiny.gguf))
        convert(tiny.base, tmp_path / "out.gguf", "q8_0", tmp_path, "tiny")
        assert quantization_of(read_metadata(tmp_path / "out.gguf")) == "q8_0"
        assert [path.name for path in tmp_path.iterdir()] == ["out.gguf"]

    def test_of_no_avail(self, odd: Path, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where naming the token does not help, nothing is written."""
        monkeypatch.setattr(base_module, "run_script", _Converter(tiny.gguf, tiny.gguf))
        with pytest.raises(ChatcloneError, match="past the end of a turn"):
            convert(odd, tmp_path / "out.gguf", "f16", tmp_path, "odd")
        assert [path.name for path in tmp_path.iterdir()] == ["odd"]

    def test_from_the_config(self, odd: Path, tiny: Tiny) -> None:
        """Without a generation config the model's config is used, as in transformers."""
        (odd / "generation_config.json").unlink()
        assert template_of(odd).stop_ids < template_of(tiny.base).stop_ids


class TestCache:
    """One file for all personas on a base."""

    def test_name(self, tiny: Tiny, odd: Path, tmp_path: Path) -> None:
        """The name contains the base, its fingerprint and the quantization."""
        path = cached_base(tiny.base, "some base/x", "q8_0", tmp_path)
        assert path.parent == tmp_path / "cache" / "gguf"
        assert path.name == f"some-base-x-{fingerprint(tiny.base)[:12]}-q8_0.gguf"
        assert fingerprint(odd) != fingerprint(tiny.base)
