"""Runs one of llama.cpp's conversion scripts with three cures: `python -m chatclone.export.converter_driver DIR ...`

A process of its own, since the scripts bring their own `gguf` package, which must not mix with an installed one.
Nothing of the scripts is copied: they are imported from FOLDER and four of their functions wrapped. Standard input is a
JSON object of metadata to add to the file.
"""

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatclone.export.pretokenizer import pre_tokenizer_name
from chatclone.gguf.header import Value

Keys = dict[str, Value]


def main(folder: Path, script: str, arguments: list[str], keys: Keys) -> None:
    """Import the scripts' classes, wrap them, and run `script` as if called from the command line."""
    sys.path[:0] = [str(folder), str(folder / "gguf-py")]
    import importlib

    base = importlib.import_module("conversion.base")
    base.TextModel.get_vocab_base_pre = _naming_unknown_tokenizers(base.TextModel.get_vocab_base_pre)
    base.TextModel._create_vocab_sentencepiece = _asking_for_the_file_first(base.TextModel._create_vocab_sentencepiece)
    base.ModelBase.load_hparams = staticmethod(_keeping_rotary_pct(base.ModelBase.load_hparams))
    gguf = importlib.import_module("gguf")
    gguf.GGUFWriter.write_header_to_file = _adding(keys, gguf.GGUFWriter.write_header_to_file)
    sys.argv = [script, *arguments]
    runpy.run_path(str(folder / script), run_name="__main__")


def _naming_unknown_tokenizers(known: Callable[[Any, Any], str]) -> Callable[[Any, Any], str]:
    """Name a tokenizer whose hash is unknown by the way it splits words; the caller verifies the result."""

    def get_vocab_base_pre(model: Any, tokenizer: Any) -> str:
        try:
            return known(model, tokenizer)
        except NotImplementedError:
            name = pre_tokenizer_name(json.loads(tokenizer.backend_tokenizer.to_str()))
            if name is None:
                raise
            return name

    return get_vocab_base_pre


def _asking_for_the_file_first(create: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let a model without tokenizer.model do without the sentencepiece package.

    The scripts try sentencepiece first for every Llama, and go on to BPE only when its file is missing.
    """

    def create_vocab_sentencepiece(model: Any) -> Any:
        if not (model.dir_model / "tokenizer.model").is_file():
            raise FileNotFoundError("tokenizer.model")
        return create(model)

    return create_vocab_sentencepiece


def _keeping_rotary_pct(load: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Give GPT-NeoX the `rotary_pct` that transformers 5 moved into its rope parameters."""

    def load_hparams(*arguments: Any, **named: Any) -> dict[str, Any]:
        parameters = load(*arguments, **named)
        rope = parameters.get("rope_parameters") or {}
        if parameters.get("model_type") == "gpt_neox" and "partial_rotary_factor" in rope:
            parameters.setdefault("rotary_pct", rope["partial_rotary_factor"])
        return parameters

    return load_hparams


def _adding(keys: Keys, write: Callable[..., None]) -> Callable[..., None]:
    """Add metadata in the last moment before the header is written; what the script itself said gives way."""

    def write_header_to_file(writer: Any, *arguments: Any, **named: Any) -> None:
        for key, value in keys.items():
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
