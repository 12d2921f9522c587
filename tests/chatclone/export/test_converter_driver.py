"""The fixes for llama.cpp's conversion scripts, on replacements of their functions."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chatclone.export import converter_driver
from tests.tiny import SPLIT


def _tokenizer(regex: str) -> Any:
    """Return a minimal transformers tokenizer."""
    steps = [{"type": "Split", "pattern": {"Regex": regex}}, {"type": "ByteLevel", "use_regex": False}]
    table = {"pre_tokenizer": {"type": "Sequence", "pretokenizers": steps}, "model": {"type": "BPE"}}
    return SimpleNamespace(backend_tokenizer=SimpleNamespace(to_str=lambda: json.dumps(table)))


def _unknown(model: Any, tokenizer: Any) -> str:
    raise NotImplementedError("BPE pre-tokenizer was not recognized")


class TestUnknownTokenizers:
    """A tokenizer whose hash the scripts do not know."""

    def test_known_hash(self) -> None:
        """A hash that the scripts know is used."""
        named = converter_driver._naming_unknown_tokenizers(lambda model, tokenizer: "theirs")
        assert named(None, _tokenizer(SPLIT["qwen2"])) == "theirs"

    def test_known_family(self) -> None:
        """Otherwise the name follows from the way of splitting."""
        assert converter_driver._naming_unknown_tokenizers(_unknown)(None, _tokenizer(SPLIT["qwen2"])) == "qwen2"

    def test_unknown_family(self) -> None:
        """An unknown way of splitting stays an error."""
        with pytest.raises(NotImplementedError):
            converter_driver._naming_unknown_tokenizers(_unknown)(None, _tokenizer(r"\w+"))


class TestRotaryPct:
    """GPT-NeoX's share of rotated dimensions, which transformers 5 renamed."""

    def test_moved(self) -> None:
        """The script finds it under the old name."""
        config = {"model_type": "gpt_neox", "rope_parameters": {"partial_rotary_factor": 0.5}}
        assert converter_driver._with_rotary_pct(lambda folder: dict(config))("x")["rotary_pct"] == 0.5

    def test_others(self) -> None:
        """An old config keeps its value, and other models get none."""
        old = {"model_type": "gpt_neox", "rotary_pct": 0.25, "rope_parameters": {"partial_rotary_factor": 0.5}}
        assert converter_driver._with_rotary_pct(lambda: dict(old))()["rotary_pct"] == 0.25
        assert "rotary_pct" not in converter_driver._with_rotary_pct(lambda: {"model_type": "llama"})()


class TestSentencepiece:
    """The scripts import sentencepiece before they look for its file."""

    def test_without_the_file(self, tmp_path: Path) -> None:
        """Without tokenizer.model the scripts go on to BPE."""
        create = converter_driver._without_sentencepiece(lambda model: pytest.fail("sentencepiece was asked for"))
        with pytest.raises(FileNotFoundError):
            create(SimpleNamespace(dir_model=tmp_path))

    def test_with_the_file(self, tmp_path: Path) -> None:
        """With it their own function is called."""
        (tmp_path / "tokenizer.model").touch()
        assert (
            converter_driver._without_sentencepiece(lambda model: "theirs")(SimpleNamespace(dir_model=tmp_path))
            == "theirs"
        )


class TestKeys:
    """Additional metadata."""

    def test_added_before_the_header(self) -> None:
        """Each value is added in its type, and then the script's own function writes."""
        said: list[Any] = []

        class Writer:
            def __getattr__(self, name: str) -> Any:
                return lambda key, value: said.append((name, key, value))

        keys: dict[str, Any] = {"a": "text", "b": 7, "c": 0.5, "d": True}
        converter_driver._adding_metadata(keys, lambda writer, path: said.append(path))(Writer(), "out.gguf")
        assert said == [
            ("add_string", "a", "text"),
            ("add_uint32", "b", 7),
            ("add_float32", "c", 0.5),
            ("add_bool", "d", True),
            "out.gguf",
        ]
