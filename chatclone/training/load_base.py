"""Loads the base as planned: local safetensors in the planned type, in 4 or 8 bits through bitsandbytes.

The loaded layers are checked, since quantisation may be skipped without an error. Imports torch.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from transformers.utils import logging as transformers_logging

from chatclone.engines.choose import installed
from chatclone.errors import ChatcloneError
from chatclone.i18n.message import Message
from chatclone.prompt.render import ChatMessage, ChatTemplate, PromptError
from chatclone.training import distributed
from chatclone.training.setting_bounds import TrainConfig

EAGER = ("gemma2",)
"""Architectures with soft-capped attention scores, which only eager attention supports."""
LAYER_CLASSES = {"4-bit": "Linear4bit", "8-bit": "Linear8bitLt"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A base ready for an adapter: `layers` counts its linear layers by class, `bytes` is the size of its weights."""

    model: Any
    tokenizer: Any
    template: ChatTemplate
    own_template: bool
    layers: dict[str, int]
    bytes: int

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self.layers.items()))
        parameter = next(self.model.parameters())
        return f"{counts} layers, {self.bytes / 1e6:,.0f} MB on {parameter.device.type}"


def load(folder: Path, config: TrainConfig) -> Loaded:
    """Load the base in `folder`; device, dtype and quantisation must be decided."""
    transformers_logging.disable_progress_bar()
    tokenizer = _tokenizer(folder)
    model = _model(folder, config)
    model.config.use_cache = False
    disable_avx512bf16(model)
    layers = _checked(model, config.quantisation)
    ends = model.generation_config.eos_token_id
    template = ChatTemplate.from_tokenizer(
        tokenizer, [] if ends is None else ends if isinstance(ends, list) else [ends]
    )
    if tokenizer.eos_token_id is None:
        hint = "choose another base"
        raise ChatcloneError("the tokenizer in {folder} has no end-of-text token", hint, folder=folder)
    _require_trainable(folder, template)
    own = tokenizer.chat_template is not None
    tokenizer.chat_template = template.source  # saved with the adapter
    size = sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers()))
    return Loaded(model, tokenizer, template, own, layers, size)


def disable_avx512bf16(model: Any) -> int:
    """Keep 4-bit layers from a kernel that has no gradients, and return how many there are.

    On processors with AVX512-BF16 bitsandbytes (0.50) repacks a layer in the first pass without gradients, such as an
    evaluation; from then on it computes wrong gradients or none. The attribute is its own switch for that.
    """
    count = 0
    for module in model.modules():
        if type(module).__name__ == LAYER_CLASSES["4-bit"]:
            module.support_avx512bf16_for_cpu = False
            count += 1
    return count


def quantisation_config(quantisation: str, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """Return the configuration for bitsandbytes: NF4 with double quantisation, 8 bits, or None."""
    if quantisation == "4-bit":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
            # FSDP splits tensors of one type only: the packed bits get the type of the other weights.
            bnb_4bit_quant_storage=dtype if distributed.sharded() else torch.uint8,
        )
    return BitsAndBytesConfig(load_in_8bit=True) if quantisation == "8-bit" else None


def _model(folder: Path, config: TrainConfig) -> Any:
    dtype: torch.dtype = getattr(torch, config.dtype)
    quantised = quantisation_config(config.quantisation, dtype)
    if quantised and not installed("bitsandbytes"):
        hint = "pip install bitsandbytes"
        raise ChatcloneError("{kind} weights need bitsandbytes, which is not installed", hint, kind=config.quantisation)
    more: dict[str, Any] = {"quantization_config": quantised} if quantised else {}
    if _model_type(folder) in EAGER:
        more["attn_implementation"] = "eager"
    with _loading_errors(folder):
        return AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            device_map=_device_map(config.device),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            **more,
        )


def _require_trainable(folder: Path, template: ChatTemplate) -> None:
    """Refuse a template whose replies do not end with a token that ends generation: the clone would never stop."""
    turns = [ChatMessage("user", "x"), ChatMessage("assistant", "y", trained=True)]
    try:
        template.sample(turns, sys.maxsize)
    except PromptError as error:
        raise ChatcloneError(
            "the chat template of {folder} cannot be trained on: {error}",
            "use the instruct version of this base, whose template and end token match",
            folder=folder,
            error=error,
        ) from error


def _device_map(device: str) -> dict[str, int | str] | None:
    """Return the device of the whole model: under a launcher the process's own GPU; None if the model is split."""
    if distributed.sharded():
        return None
    if device == "cuda":
        return {"": int(os.environ.get(distributed.LOCAL_RANK, "0"))}
    return {"": device} if device == "cpu" else None


def _tokenizer(folder: Path) -> Any:
    with _loading_errors(folder):
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _model_type(folder: Path) -> str:
    from transformers import AutoConfig

    with _loading_errors(folder):
        return str(AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False).model_type)


def _checked(model: Any, quantisation: str) -> dict[str, int]:
    """Return the number of linear layers by class; layers that are not quantised as planned are an error."""
    layers = Counter(
        type(module).__name__
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not model.get_output_embeddings()
    )
    wanted = LAYER_CLASSES.get(quantisation)
    if wanted and (not layers[wanted] or set(layers) != {wanted}):
        found = ", ".join(f"{count} {name}" for name, count in layers.items()) or "none"
        raise ChatcloneError(
            "the base was to be loaded in {quantisation}, but its layers are {found}",
            "--set quantisation=none, or another version of bitsandbytes",
            quantisation=quantisation,
            found=found,
        )
    return dict(layers)


@contextmanager
def _loading_errors(folder: Path) -> Iterator[None]:
    """Turn errors of transformers about a model into a ChatcloneError."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        reason: str = next(iter(str(error).strip().splitlines()), type(error).__name__)
        if "instantiate the backend tokenizer" in reason:  # a list of what was tried follows, in later lines
            reason = Message("its tokenizer is missing or has an unknown format")
        if "trust_remote_code" in str(error) or "custom code" in str(error):
            reason = Message("it needs custom code, which is never run")
        raise ChatcloneError(
            "the base in {folder} cannot be loaded: {reason}",
            "download it again in full (config, tokenizer, *.safetensors), or choose another base",
            folder=folder,
            reason=reason,
        ) from error
