"""A user's base GGUF is refused unless it is the adapter's base."""

import shutil
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError
from chatclone.export.base_gguf import check_user_base, shape_difference
from chatclone.gguf.header import Value
from tests.chatclone.conftest import Tiny
from tests.tiny import FAMILIES, Family

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
from chatclone.engines.llama_cpp import LlamaEngine


@pytest.mark.parametrize("family", FAMILIES)
def test_the_base_itself(family: Family, families: dict[Family, Tiny]) -> None:
    """The base's own GGUF passes in every family, and its quantization is returned where the file has it."""
    assert check_user_base(families[family].gguf, families[family].base) == (
        "unknown" if family == "gpt_neox" else "f16"
    )


class TestRefused:
    """Every difference has its message."""

    def test_vocabulary(self, families: dict[Family, Tiny]) -> None:
        """Another vocabulary is refused with the first token that differs."""
        with pytest.raises(ChatcloneError, match="another vocabulary than base: token") as caught:
            check_user_base(families["gemma2"].gguf, families["llama"].base)
        assert "--base-gguf" in caught.value.hint

    def test_tokenizer(self, families: dict[Family, Tiny], tmp_path: Path) -> None:
        """With the same tokens, another way of splitting words is noticed on difficult text."""
        other = tmp_path / "other"
        shutil.copytree(families["llama"].base, other)
        tokenizer = (other / "tokenizer.json").read_text("utf-8")
        (other / "tokenizer.json").write_text(tokenizer.replace(r"\\p{N}{1,3}|", r"\\p{N}|"), "utf-8")
        with pytest.raises(ChatcloneError, match="into other tokens than"):
            check_user_base(families["llama"].gguf, other)

    def test_size(self, families: dict[Family, Tiny]) -> None:
        """A larger model of the same family has another shape."""
        metadata: dict[str, Value] = {"general.architecture": "llama", "llama.block_count": 28}
        assert shape_difference(metadata, {"num_hidden_layers": 24}) == "block_count is 28 and should be 24"
        assert shape_difference(metadata, {"num_hidden_layers": 28, "hidden_size": 64}) == ""

    def test_an_adapter(self, families: dict[Family, Tiny]) -> None:
        """An adapter is not a base."""
        with pytest.raises(ChatcloneError, match="is not a model"):
            check_user_base(families["llama"].lora, families["llama"].base)

    def test_architecture(self, families: dict[Family, Tiny]) -> None:
        """llama.cpp refuses a base of another architecture than the adapter's."""
        with pytest.raises(ChatcloneError, match="cannot apply"):
            LlamaEngine(families["qwen3"].gguf, families["llama"].lora)
