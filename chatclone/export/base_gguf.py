"""A base model as GGUF: converted once and shared by all personas trained on it, or a file that the user has."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatclone.errors import ChatcloneError
from chatclone.export.converter import NO_METADATA, Metadata, Progress, run_script
from chatclone.export.large_files import written_whole
from chatclone.export.quantize import Quant, quantize
from chatclone.gguf.header import Value, quantization_of, read_metadata
from chatclone.i18n.message import Message
from chatclone.paths import cache_directory
from chatclone.prompt.render import ChatTemplate
from chatclone.storage.fingerprint import weights_mark

if TYPE_CHECKING:
    from chatclone.gguf.model_file import GgufModel

DIFFICULT_TEXTS = (
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
"""Texts as chats contain them on which tokenizers often differ."""

F16 = 1
"""llama.cpp's number for f16 (enum llama_ftype)."""

END_OF_TURN_KEYS = ("tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id")
"""Tokens that a GGUF can name as ends of a turn, beside end-of-text; llama.cpp knows many more by their text."""

SHAPE = {
    "hidden_size": "embedding_length",
    "num_hidden_layers": "block_count",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
}
"""Names in config.json, and in GGUF after the architecture's name."""

_HINT = "name a GGUF of the base the adapter was trained on, or leave out --base-gguf"
_OTHER_BASE = "chat with --engine transformers, or choose another base"


def base_gguf(base: Path, label: str, quant: Quant, home: Path, scripts: Path, progress: Progress) -> Path:
    """Return the base model as GGUF, converting it when it is not in the cache."""
    target = cached_base(base, label, quant, home)
    if not target.is_file():
        progress(Message("converting the base model {base} to {quant}, once for all personas", base=label, quant=quant))
        convert(base, target, quant, scripts, label)
    return target


def cached_base(base: Path, label: str, quant: Quant, home: Path) -> Path:
    """Return the path of the base model's GGUF in the cache."""
    name = f"{re.sub(r'[^A-Za-z0-9._-]+', '-', label)}-{fingerprint(base)[:12]}"
    return cache_directory(home) / "gguf" / f"{name}-{quant}.gguf"


def fingerprint(base: Path) -> str:
    """Return a hash of everything that a converted model depends on; of the weights, of samples throughout."""
    patterns = ("config.json", "generation_config.json", "tokenizer*", "*.jinja")
    digest = hashlib.sha256(weights_mark(base).encode())
    for path in sorted({path for pattern in patterns for path in base.glob(pattern)}):
        digest.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()


def convert(
    folder: Path, target: Path, quant: Quant, scripts: Path, name: str, metadata: Metadata = NO_METADATA
) -> None:
    """Write a transformers model as a GGUF called `name`; its tokenizer and end of turn are verified."""
    with written_whole(target) as partial:
        whole = partial if quant == "f16" else partial.with_suffix(".f16.gguf")
        try:
            _convert_to_f16(folder, whole, scripts, name, metadata)
            if quant != "f16":
                quantize(whole, partial, quant)
        finally:
            if whole != partial:
                whole.unlink(missing_ok=True)


def _convert_to_f16(folder: Path, whole: Path, scripts: Path, name: str, metadata: Metadata) -> None:
    """Convert to f16; again, with the tokens named, where llama.cpp does not know which tokens end a turn."""
    options = ("--outtype", "f16", "--model-name", name, "--outfile", whole, folder)
    metadata = {
        # The template the adapter was trained with, which may be ours where the base has none.
        "tokenizer.chat_template": template_of(folder).source,
        "general.file_type": F16,  # the script omits it for some families
        **metadata,
    }
    run_script(scripts, "convert_hf_to_gguf.py", *options, metadata=metadata)
    verify_tokenizer(folder, whole)
    if missing := missing_stop_ids(folder, whole):
        ends = dict(zip(END_OF_TURN_KEYS, missing, strict=False))
        run_script(scripts, "convert_hf_to_gguf.py", *options, metadata={**metadata, **ends})
        check_stop_ids(folder, whole)


def verify_tokenizer(folder: Path, gguf: Path) -> None:
    """Refuse a GGUF that splits any of DIFFICULT_TEXTS into other tokens than the model's own tokenizer."""
    from chatclone.engines.transformers import load_tokenizer

    tokenizer = load_tokenizer(folder)
    with open_vocabulary(gguf) as vocabulary:
        for text in DIFFICULT_TEXTS:
            if list(tokenizer.encode(text, add_special_tokens=False)) != vocabulary.encode(text):
                raise ChatcloneError(
                    "llama.cpp splits {text} into other tokens than {model} was trained on",
                    _OTHER_BASE,
                    model=folder.name,
                    text=f"{text[:24]!r}…",
                )


def check_stop_ids(folder: Path, gguf: Path) -> None:
    """Refuse a GGUF that lacks a token that ends a turn in training."""
    if missing := missing_stop_ids(folder, gguf):
        raise ChatcloneError(
            "{file} would write past the end of a turn: token {token} does not end one",
            _OTHER_BASE,
            file=gguf.name,
            token=missing[0],
        )


def missing_stop_ids(folder: Path, gguf: Path) -> list[int]:
    """Return the tokens that end a turn in training, by tokenizer and generation config, but not in the GGUF."""
    with open_vocabulary(gguf) as vocabulary:
        return sorted(template_of(folder).stop_ids - vocabulary.template.stop_ids)


def template_of(folder: Path) -> ChatTemplate:
    """Return the chat template of a transformers model, with the tokens that end a turn in training."""
    from chatclone.engines.transformers import load_tokenizer

    return ChatTemplate.from_tokenizer(load_tokenizer(folder), _generation_stop_ids(folder))


@contextmanager
def open_vocabulary(gguf: Path) -> Iterator["GgufModel"]:
    """Open a GGUF without its weights."""
    from chatclone.gguf.model_file import GgufModel

    vocabulary = GgufModel(gguf, vocab_only=True)
    try:
        yield vocabulary
    finally:
        vocabulary.close()


def _generation_stop_ids(folder: Path) -> list[int]:
    """Return the end tokens of the generation config; without one transformers makes it from the config."""
    for name in ("generation_config.json", "config.json"):
        if (folder / name).is_file():
            ends = json.loads((folder / name).read_text("utf-8")).get("eos_token_id")
            return ends if isinstance(ends, list) else [] if ends is None else [ends]
    return []


def check_user_base(gguf: Path, base: Path) -> str:
    """Return the quantization of a user's GGUF; refuse one that is not `base`.

    Shape, vocabulary, tokenizer and end of turn are compared.
    """
    metadata = read_metadata(gguf)
    if metadata.get("general.type", "model") != "model" or "general.architecture" not in metadata:
        raise ChatcloneError("{file} is not a model, but a GGUF of another kind", _HINT, file=gguf.name)
    config = json.loads((base / "config.json").read_text("utf-8"))
    if difference := shape_difference(metadata, config.get("text_config", config)):
        raise ChatcloneError(
            "{file} is another model than {base}: {difference}",
            _HINT,
            file=gguf.name,
            base=base.name,
            difference=difference,
        )
    with open_vocabulary(gguf) as vocabulary:
        if difference := _vocabulary_difference(vocabulary, base):
            raise ChatcloneError(
                "{file} has another vocabulary than {base}: {difference}",
                _HINT,
                file=gguf.name,
                base=base.name,
                difference=difference,
            )
    verify_tokenizer(base, gguf)
    check_stop_ids(base, gguf)
    return quantization_of(metadata)


def shape_difference(metadata: Mapping[str, Value], config: Mapping[str, Any]) -> str:
    """Return the first difference in shape between a GGUF and a model's config; empty when they agree."""
    for name, key in SHAPE.items():
        theirs = metadata.get(f"{metadata['general.architecture']}.{key}")
        if name in config and theirs is not None and theirs != config[name]:
            return Message("{key} is {theirs} and should be {ours}", key=key, theirs=theirs, ours=config[name])
    return ""


def _vocabulary_difference(vocabulary: "GgufModel", base: Path) -> str:
    """Return the first token that differs; a GGUF may have more tokens at the end, as padding."""
    import llama_cpp

    from chatclone.engines.transformers import load_tokenizer

    tokenizer = load_tokenizer(base)
    size = len(tokenizer)
    if vocabulary.vocabulary_size < size:
        return Message("{theirs} tokens instead of {ours}", theirs=vocabulary.vocabulary_size, ours=size)
    added = tokenizer.get_added_vocab().values()
    for id_ in range(size):
        ours = tokenizer.convert_ids_to_tokens(id_)
        theirs = llama_cpp.llama_vocab_get_text(vocabulary.vocabulary, id_).decode("utf-8", "replace")
        # The converter rewrites some of the tokens that were added to a vocabulary later.
        if ours != theirs and id_ not in added:
            return Message("token {id} is {theirs} and should be {ours}", id=id_, theirs=repr(theirs), ours=repr(ours))
    return ""
