"""A base model as GGUF, made once and shared by all personas that were trained on it."""

import hashlib
import re
from pathlib import Path

from chatclone.errors import ChatcloneError
from chatclone.export.converter import Progress, run_script
from chatclone.export.outfile import written_whole
from chatclone.export.quantise import Quant, quantise
from chatclone.locations import cache_directory

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


def base_gguf(base: Path, label: str, quant: Quant, home: Path, scripts: Path, progress: Progress) -> Path:
    """Return the base model as GGUF, converting it when the cache does not hold it yet."""
    name = f"{re.sub(r'[^A-Za-z0-9._-]+', '-', label)}-{fingerprint(base)[:12]}"
    target = cache_directory(home) / "gguf" / f"{name}-{quant}.gguf"
    if not target.is_file():
        progress(f"converting the base model {label} to {quant}, once for all personas")
        convert(base, target, quant, scripts, label)
    return target


def convert(folder: Path, target: Path, quant: Quant, scripts: Path, name: str) -> None:
    """Write a transformers model as a GGUF called `name`, whose tokenizer is shown to be the same."""
    with written_whole(target) as partial:
        whole = partial if quant == "f16" else partial.with_suffix(".f16.gguf")
        try:
            options = ("--outtype", "f16", "--model-name", name, "--outfile", whole)
            run_script(scripts, "convert_hf_to_gguf.py", *options, folder)
            verify_tokenizer(folder, whole)
            if quant != "f16":
                quantise(whole, partial, quant)
        finally:
            if whole != partial:
                whole.unlink(missing_ok=True)


def verify_tokenizer(folder: Path, gguf: Path) -> None:
    """Refuse a GGUF that splits any of the hostile texts into other tokens than the model's own tokenizer."""
    from chatclone.engines.gguf import GgufModel
    from chatclone.engines.transformers import load_tokenizer

    tokenizer = load_tokenizer(folder)
    vocabulary = GgufModel(gguf, vocab_only=True)
    try:
        for text in HOSTILE:
            if list(tokenizer.encode(text, add_special_tokens=False)) != vocabulary.encode(text):
                raise ChatcloneError(
                    f"in llama.cpp {folder.name} would read {text[:24]!r}… as other tokens than it was trained on",
                    "chat with --engine transformers, or choose another base",
                )
    finally:
        vocabulary.close()


def fingerprint(base: Path) -> str:
    """Return a hash of everything a converted model depends on."""
    digest = hashlib.sha256()
    patterns = ("config.json", "generation_config.json", "tokenizer*", "*.jinja", "*.safetensors")
    for path in sorted({path for pattern in patterns for path in base.glob(pattern)}):
        with path.open("rb") as file:
            digest.update(f"{path.name}\0".encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
