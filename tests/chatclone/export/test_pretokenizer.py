"""llama.cpp's name for a tokenizer, by how it splits words."""

import json
from typing import Any, Literal

import pytest

from chatclone.export.converter_driver import pre_tokenizer_name
from chatclone.paths import starter_model
from tests.tiny import SPLIT


def _tokenizer(*steps: dict[str, Any], **model: Any) -> dict[str, Any]:
    return {
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*steps]},
        "model": {"type": "BPE", **model},
    }


def _split(regex: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}}


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}


class TestKnown:
    """Families that llama.cpp has a name for."""

    @pytest.mark.parametrize(
        ("family", "ignore_merges", "name"),
        [("qwen2", False, "qwen2"), ("llama", True, "llama-bpe"), ("llama", False, "dbrx")],
    )
    def test_by_regex(self, family: Literal["qwen2", "llama"], ignore_merges: bool, name: str) -> None:
        """The name follows from the regular expression, and for Llama's from `ignore_merges`."""
        assert pre_tokenizer_name(_tokenizer(_split(SPLIT[family]), BYTES, ignore_merges=ignore_merges)) == name

    def test_gpt2(self) -> None:
        """A plain byte-level step splits as GPT-2 does."""
        step = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
        assert pre_tokenizer_name({"normalizer": None, "pre_tokenizer": step, "model": {"type": "BPE"}}) == "gpt-2"

    def test_starter(self) -> None:
        """The built-in model's tokenizer is of a known family."""
        tokenizer = json.loads((starter_model() / "tokenizer.json").read_text("utf-8"))
        assert pre_tokenizer_name(tokenizer) == "qwen2"


class TestUnknown:
    """Tokenizers without a name."""

    @pytest.mark.parametrize(
        "tokenizer",
        [
            _tokenizer(_split(r"\w+|\W"), BYTES),
            _tokenizer(_split(SPLIT["qwen2"]), {**BYTES, "add_prefix_space": True}),
            {**_tokenizer(_split(SPLIT["qwen2"]), BYTES), "normalizer": {"type": "Lowercase"}},
            {**_tokenizer(_split(SPLIT["qwen2"]), BYTES), "model": {"type": "Unigram"}},
            {"normalizer": None, "pre_tokenizer": None, "model": {"type": "BPE"}},
        ],
        ids=["other-words", "space-before", "lower-case", "unigram", "no-split"],
    )
    def test_no_name(self, tokenizer: dict[str, Any]) -> None:
        """Another way of splitting, or another normalizer, has no name."""
        assert pre_tokenizer_name(tokenizer) is None
