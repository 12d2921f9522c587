"""A base GGUF that the user has already, from a hub or another program: is it what the adapter was trained on?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatclone.errors import ChatcloneError
from chatclone.export.base_gguf import check_stop_ids, verify_tokenizer, vocabulary_of
from chatclone.gguf.header import Value, quantization_of, read_metadata

if TYPE_CHECKING:
    from chatclone.gguf.model_file import GgufModel

SHAPE = {
    "hidden_size": "embedding_length",
    "num_hidden_layers": "block_count",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
}
"""Names in config.json, and in GGUF after the architecture's."""

_HINT = "name a GGUF of the very base the adapter was trained on, or leave out --base-gguf"


def check_base(gguf: Path, base: Path) -> str:
    """Refuse a GGUF with another shape, vocabulary, tokenizer or end of turn than `base`, and return its quant."""
    metadata = read_metadata(gguf)
    if metadata.get("general.type", "model") != "model" or "general.architecture" not in metadata:
        raise ChatcloneError(f"{gguf.name} is not a model, but a GGUF of another kind", _HINT)
    config = json.loads((base / "config.json").read_text("utf-8"))
    if difference := shape_difference(metadata, config.get("text_config", config)):
        raise ChatcloneError(f"{gguf.name} is another model than {base.name}: {difference}", _HINT)
    with vocabulary_of(gguf) as vocabulary:
        if difference := _vocabulary_difference(vocabulary, base):
            raise ChatcloneError(f"{gguf.name} has another vocabulary than {base.name}: {difference}", _HINT)
    verify_tokenizer(base, gguf)
    check_stop_ids(base, gguf)
    return quantization_of(metadata)


def check_architecture(gguf: Path, lora: Path) -> None:
    """Refuse a base of another architecture than the one the converted adapter is for."""
    ours, theirs = (read_metadata(file).get("general.architecture") for file in (lora, gguf))
    if ours != theirs:
        raise ChatcloneError(f"{gguf.name} is of architecture {theirs}, and the adapter is for {ours}", _HINT)


def shape_difference(metadata: Mapping[str, Value], config: Mapping[str, Any]) -> str:
    """Return the first number in which a GGUF and a model's config differ, in words, or an empty string."""
    for name, key in SHAPE.items():
        theirs = metadata.get(f"{metadata['general.architecture']}.{key}")
        if name in config and theirs is not None and theirs != config[name]:
            return f"{key} is {theirs} and should be {config[name]}"
    return ""


def _vocabulary_difference(vocabulary: "GgufModel", base: Path) -> str:
    """Return the first token that differs, in words; a GGUF may have more at the end, which pad it."""
    import llama_cpp

    from chatclone.engines.transformers import load_tokenizer

    tokenizer = load_tokenizer(base)
    added = tokenizer.get_added_vocab().values()
    if vocabulary.vocabulary_size < len(tokenizer):
        return f"{vocabulary.vocabulary_size} tokens instead of {len(tokenizer)}"
    for id_ in range(len(tokenizer)):
        ours = tokenizer.convert_ids_to_tokens(id_)
        theirs = llama_cpp.llama_vocab_get_text(vocabulary.vocabulary, id_).decode("utf-8", "replace")
        # The converter rewrites some of the tokens that were added to a vocabulary later.
        if ours != theirs and id_ not in added:
            return f"token {id_} is {theirs!r} and should be {ours!r}"
    return ""
