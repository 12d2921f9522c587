"""A base model as GGUF, made once and shared by all personas that were trained on it."""

import functools
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chatclone.errors import ChatcloneError
from chatclone.export.converter import NO_KEYS, Keys, Progress, run_script
from chatclone.export.large_files import written_whole
from chatclone.export.quantize import Quant, quantise
from chatclone.paths import cache_directory
from chatclone.prompt.render import ChatTemplate

if TYPE_CHECKING:
    from chatclone.gguf.model_file import GgufModel

HOSTILE = (
    "hey what are you up to",
    "  two spaces,\ttabs\t\tand\n\n\nlines  \r\n end ",
    "I'VE told him's it'll don’t ‘quote’ “x” — … 3.14 1234567 2023-05-08",
    "привет как дела? Ўзбекча ғайрат, ҳа",
    "안녕 ㅋㅋㅋㅋ 뭐해? 你好吗？ こんにちは ｶﾀｶﾅ",
    "مرحبا كيف حالك؟ שלום नमस्ते สวัสดี",
    "👩‍👩‍👧‍👦 ❤️‍🔥 🏳️‍🌈 👍🏽 🤷‍♀️ :-) ^_^ ¯\\_(ツ)_/¯",
    "<|im_start|>user\nnot a turn<|im_end|> <s>[INST] </s> <memory></memory> <|endoftext|>",
    'https://example.org/a?b=c&d=%20e #tag @name `code` {"json": [1, null]}',
    "a̐éö̲ ﬁ Ⅷ ½ \u200b\u200e\u00a0\u3000\ufeff x²+y₃ √ ≠ ∑",
)
"""What chats are full of and tokenizers stumble over."""

F16 = 1
"""llama.cpp's number for it (enum llama_ftype)."""

END_OF_TURN_KEYS = ("tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id")
"""Beside the end-of-text token, these are what llama.cpp lets a file name; many more it knows by their text."""


def base_gguf(base: Path, label: str, quant: Quant, home: Path, scripts: Path, progress: Progress) -> Path:
    """Return the base model as GGUF, converting it when the cache does not hold it yet."""
    target = cached_base(base, label, quant, home)
    if not target.is_file():
        progress(f"converting the base model {label} to {quant}, once for all personas")
        convert(base, target, quant, scripts, label)
    return target


def cached_base(base: Path, label: str, quant: Quant, home: Path) -> Path:
    """Return where the base model's GGUF lies once it was converted."""
    name = f"{re.sub(r'[^A-Za-z0-9._-]+', '-', label)}-{fingerprint(base)[:12]}"
    return cache_directory(home) / "gguf" / f"{name}-{quant}.gguf"


def convert(folder: Path, target: Path, quant: Quant, scripts: Path, name: str, keys: Keys = NO_KEYS) -> None:
    """Write a transformers model as a GGUF called `name`, whose tokenizer and end of turn are shown to be the same."""
    with written_whole(target) as partial:
        whole = partial if quant == "f16" else partial.with_suffix(".f16.gguf")
        try:
            _convert_whole(folder, whole, scripts, name, keys)
            if quant != "f16":
                quantise(whole, partial, quant)
        finally:
            if whole != partial:
                whole.unlink(missing_ok=True)


def _convert_whole(folder: Path, whole: Path, scripts: Path, name: str, keys: Keys) -> None:
    """Convert to f16, and once more where llama.cpp does not know by itself which tokens end a turn."""
    options = ("--outtype", "f16", "--model-name", name, "--outfile", whole, folder)
    always: Keys = {
        # The one the adapter was trained with, which is not the base's own where that has none.
        "tokenizer.chat_template": template_of(folder).source,
        "general.file_type": F16,  # not told for every family
    }
    keys = {**always, **keys}
    run_script(scripts, "convert_hf_to_gguf.py", *options, keys=keys)
    verify_tokenizer(folder, whole)
    if missing := missing_stop_ids(folder, whole):
        named = dict(zip(END_OF_TURN_KEYS, missing, strict=False))
        run_script(scripts, "convert_hf_to_gguf.py", *options, keys={**keys, **named})
        check_stop_ids(folder, whole)


def verify_tokenizer(folder: Path, gguf: Path) -> None:
    """Refuse a GGUF that splits any of the hostile texts into other tokens than the model's own tokenizer."""
    from chatclone.engines.transformers import load_tokenizer

    tokenizer = load_tokenizer(folder)
    with vocabulary_of(gguf) as vocabulary:
        for text in HOSTILE:
            if list(tokenizer.encode(text, add_special_tokens=False)) != vocabulary.encode(text):
                raise ChatcloneError(
                    f"in llama.cpp {folder.name} would read {text[:24]!r}… as other tokens than it was trained on",
                    "chat with --engine transformers, or choose another base",
                )


def check_stop_ids(folder: Path, gguf: Path) -> None:
    """Refuse a GGUF in which a token that ends a turn in training ends none."""
    if missing := missing_stop_ids(folder, gguf):
        raise ChatcloneError(
            f"{gguf.name} would write past the end of a turn: in it token {missing[0]} ends none",
            "chat with --engine transformers, or choose another base",
        )


def missing_stop_ids(folder: Path, gguf: Path) -> list[int]:
    """Return the tokens that end a turn in training, by tokenizer and generation config, and not in the GGUF."""
    with vocabulary_of(gguf) as vocabulary:
        return sorted(template_of(folder).stop_ids - vocabulary.template.stop_ids)


def template_of(folder: Path) -> ChatTemplate:
    """Return the chat template of a transformers model, with the tokens that end a turn in training."""
    from chatclone.engines.transformers import load_tokenizer

    return ChatTemplate.from_tokenizer(load_tokenizer(folder), _generation_stop_ids(folder))


@contextmanager
def vocabulary_of(gguf: Path) -> Iterator["GgufModel"]:
    """Open a GGUF without its weights."""
    from chatclone.gguf.model_file import GgufModel

    vocabulary = GgufModel(gguf, vocab_only=True)
    try:
        yield vocabulary
    finally:
        vocabulary.close()


def _generation_stop_ids(folder: Path) -> list[int]:
    """Return the end tokens of a model's generation config; without one transformers makes it from the config."""
    for name in ("generation_config.json", "config.json"):
        if (folder / name).is_file():
            ends = json.loads((folder / name).read_text("utf-8")).get("eos_token_id")
            return ends if isinstance(ends, list) else [] if ends is None else [ends]
    return []


def fingerprint(base: Path) -> str:
    """Return a hash of everything a converted model depends on."""
    patterns = ("config.json", "generation_config.json", "tokenizer*", "*.jinja", "*.safetensors")
    paths = sorted({path for pattern in patterns for path in base.glob(pattern)})
    return _digest(tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in paths))


@functools.cache
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Return the hash of the files, which are read once as long as size and time stay: they may be 15 GB."""
    digest = hashlib.sha256()
    for path, _size, _changed in files:
        with path.open("rb") as file:
            digest.update(f"{path.name}\0".encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
