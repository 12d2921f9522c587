"""Bases described, distinguished and refused by their files."""

import json
from pathlib import Path
from typing import Any

import pytest

from chatclone.bases.inspect_base import describe, find_base, fingerprint
from chatclone.errors import ChatcloneError
from tests.chatclone.training.making import model_folder


def test_described(tmp_path: Path) -> None:
    """Parameters are counted from the weights' headers, those of quantisable layers separately."""
    base = describe(
        "mine", model_folder(tmp_path / "base", {"model.embed_tokens.weight": (100, 8), "l.weight": (8, 8)})
    )
    assert (base.parameters, base.linear, base.context, base.model_type) == (864, 64, 512, "llama")


def test_starter() -> None:
    """The starter is found by its name."""
    base = find_base("starter")
    assert base.parameters > 1_000_000
    assert str(base.licence).startswith("MIT")


def test_nested_configuration(tmp_path: Path) -> None:
    """The context is read from the text part of a configuration too, with a default."""
    nested = model_folder(tmp_path / "nested", config={"text_config": {"max_position_embeddings": 77}})
    assert describe("nested", nested).context == 77
    assert describe("none", model_folder(tmp_path / "none", config={"model_type": "x"})).context == 2048


class TestFingerprint:
    """The fingerprint distinguishes bases."""

    def test_same_files(self, tmp_path: Path) -> None:
        """The same files elsewhere have the same fingerprint."""
        assert fingerprint(model_folder(tmp_path / "a")) == fingerprint(model_folder(tmp_path / "b"))

    @pytest.mark.parametrize("change", [{"config": {"model_type": "other"}}, {"tensors": {"l.weight": (4, 16)}}])
    def test_changes(self, tmp_path: Path, change: dict[str, Any]) -> None:
        """Another configuration, or weights of another shape, have another fingerprint."""
        same = model_folder(tmp_path / "a")
        assert fingerprint(same) != fingerprint(model_folder(tmp_path / "b", **change))


class TestRefused:
    """What cannot be trained on."""

    @pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth"])
    def test_pickles(self, tmp_path: Path, name: str) -> None:
        """A folder with only pickled weights is refused."""
        base = model_folder(tmp_path / "base")
        (base / "model.safetensors").rename(base / name)
        with pytest.raises(ChatcloneError, match=f"only pickled weights .*{name}.*never loaded"):
            find_base(str(base))

    def test_no_weights(self, tmp_path: Path) -> None:
        """A folder without any weights is refused."""
        base = model_folder(tmp_path / "base")
        (base / "model.safetensors").unlink()
        with pytest.raises(ChatcloneError, match="safetensors"):
            find_base(str(base))

    @pytest.mark.parametrize(
        "content", [b"", b"not weights at all", b"\xff" * 64, (9).to_bytes(8, "little") + b'{"a": 17}']
    )
    def test_damaged_weights(self, tmp_path: Path, content: bytes) -> None:
        """Weights that are not safetensors are refused before loading."""
        base = model_folder(tmp_path / "base")
        (base / "model.safetensors").write_bytes(content)
        with pytest.raises(ChatcloneError, match="damaged"):
            find_base(str(base))

    def test_half_a_download(self, tmp_path: Path) -> None:
        """Truncated weights and missing weight files are refused."""
        base = model_folder(tmp_path / "base")
        whole = (base / "model.safetensors").read_bytes()
        (base / "model.safetensors").write_bytes(whole[:-1])
        with pytest.raises(ChatcloneError, match="damaged or incomplete"):
            find_base(str(base))
        (base / "model.safetensors").write_bytes(whole)
        index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
        (base / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
        with pytest.raises(ChatcloneError, match=r"missing.*model-00002-of-00002"):
            find_base(str(base))
        for text in ("{", "[]", '{"weight_map": 3}'):
            (base / "model.safetensors.index.json").write_text(text, "utf-8")
            with pytest.raises(ChatcloneError, match=r"cannot read .*index\.json"):
                find_base(str(base))

    def test_configuration(self, tmp_path: Path) -> None:
        """A configuration that is not a JSON object is refused."""
        base = model_folder(tmp_path / "base")
        for text in ("{", "[]"):
            (base / "config.json").write_text(text, "utf-8")
            with pytest.raises(ChatcloneError, match=r"config\.json"):
                find_base(str(base))

    def test_not_here(self) -> None:
        """The error for a base that is not on this machine says how to download it."""
        with pytest.raises(ChatcloneError) as error:
            find_base("nobody/nothing-7b")
        assert "--base nobody/nothing-7b --download" in error.value.hint
