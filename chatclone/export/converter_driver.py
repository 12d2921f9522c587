"""Runs one of llama.cpp's conversion scripts with four fixes: `python -m chatclone.export.converter_driver FOLDER ...`

In a process of its own, since the scripts bring their own `gguf` package, which must not mix with an installed one.
The scripts are imported from FOLDER, not copied, and four of their functions wrapped. Standard input is a JSON object
of metadata to add to the file.
"""

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatclone.gguf.header import Value

_CONTRACTIONS = ("(?i:'s|'t|'re|'ve|'m|'ll|'d)|", "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|")
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def main(folder: Path, script: str, arguments: list[str], metadata: dict[str, Value]) -> None:
    """Import the scripts' classes, wrap them, and run `script` as from the command line."""
    sys.path[:0] = [str(folder), str(folder / "gguf-py")]
    import importlib

    base = importlib.import_module("conversion.base")
    base.TextModel.get_vocab_base_pre = _naming_unknown_tokenizers(base.TextModel.get_vocab_base_pre)
    base.TextModel._create_vocab_sentencepiece = _without_sentencepiece(base.TextModel._create_vocab_sentencepiece)
    base.ModelBase.load_hparams = staticmethod(_with_rotary_pct(base.ModelBase.load_hparams))
    gguf = importlib.import_module("gguf")
    gguf.GGUFWriter.write_header_to_file = _adding_metadata(metadata, gguf.GGUFWriter.write_header_to_file)
    sys.argv = [script, *arguments]
    runpy.run_path(str(folder / script), run_name="__main__")


def pre_tokenizer_name(tokenizer: dict[str, Any]) -> str | None:
    """Return llama.cpp's name for the way a tokenizer.json (parsed) splits words; None when it knows none."""
    # NFC, as Qwen has it, changes nothing that keyboards write; llama.cpp has no normalizer for BPE.
    normalizer = (tokenizer.get("normalizer") or {}).get("type")
    if tokenizer["model"]["type"] != "BPE" or normalizer not in (None, "NFC"):
        return None
    steps = tokenizer.get("pre_tokenizer") or {}
    steps = steps.get("pretokenizers", [steps])
    kinds = [step.get("type") for step in steps]
    if kinds == ["ByteLevel"] and steps[0].get("use_regex", True) and not steps[0].get("add_prefix_space"):
        return "gpt-2"
    if kinds != ["Split", "ByteLevel"] or steps[1].get("use_regex", True) or steps[1].get("add_prefix_space"):
        return None
    regex = steps[0]["pattern"].get("Regex", "")
    # The two split alike (llama.cpp, src/llama-vocab.cpp); with llama-bpe whole words need no merges.
    llama = "llama-bpe" if tokenizer["model"].get("ignore_merges") else "dbrx"
    names = {_GPT2: "gpt-2"}
    for contractions in _CONTRACTIONS:
        names[contractions + _WORDS + r"\p{N}" + _REST] = "qwen2"
        names[contractions + _WORDS + r"\p{N}{1,3}" + _REST] = llama
    return names.get(regex)


def _naming_unknown_tokenizers(known: Callable[[Any, Any], str]) -> Callable[[Any, Any], str]:
    """Name a tokenizer by the way it splits words where its hash is unknown.

    The scripts know tokenizers by the hash of their output; one that was trained by somebody else has another hash,
    though it splits as a known family does. The caller verifies the result.
    """

    def get_vocab_base_pre(model: Any, tokenizer: Any) -> str:
        try:
            return known(model, tokenizer)
        except NotImplementedError:
            name = pre_tokenizer_name(json.loads(tokenizer.backend_tokenizer.to_str()))
            if name is None:
                raise
            return name

    return get_vocab_base_pre


def _without_sentencepiece(create: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Convert a model without tokenizer.model where the sentencepiece package is missing.

    The scripts try sentencepiece first for every Llama, and go on to BPE only when its file is missing.
    """

    def create_vocab_sentencepiece(model: Any) -> Any:
        if not (model.dir_model / "tokenizer.model").is_file():
            raise FileNotFoundError("tokenizer.model")
        return create(model)

    return create_vocab_sentencepiece


def _with_rotary_pct(load: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Restore the `rotary_pct` of GPT-NeoX, which transformers 5 moved into its rope parameters."""

    def load_hparams(*arguments: Any, **named: Any) -> dict[str, Any]:
        parameters = load(*arguments, **named)
        rope = parameters.get("rope_parameters") or {}
        if parameters.get("model_type") == "gpt_neox" and "partial_rotary_factor" in rope:
            parameters.setdefault("rotary_pct", rope["partial_rotary_factor"])
        return parameters

    return load_hparams


def _adding_metadata(metadata: dict[str, Value], write: Callable[..., None]) -> Callable[..., None]:
    """Add metadata just before the header is written; it overrides the script's own."""

    def write_header_to_file(writer: Any, *arguments: Any, **named: Any) -> None:
        for key, value in metadata.items():
            match value:
                case bool():
                    writer.add_bool(key, value)
                case int():
                    writer.add_uint32(key, value)
                case float():
                    writer.add_float32(key, value)
                case str():
                    writer.add_string(key, value)
        write(writer, *arguments, **named)

    return write_header_to_file


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:], json.loads(sys.stdin.read() or "{}"))
