"""The base, loaded as planned: local safetensors in the planned type, in 4 or 8 bits through bitsandbytes anywhere.

What was loaded is looked at afterwards, since a library that skips quantisation says nothing. Imports torch.
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
from chatclone.prompt.render import ChatMessage, ChatTemplate, PromptError
from chatclone.training import distributed
from chatclone.training.config import Values

EAGER = ("gemma2",)
"""Architectures whose scores are soft-capped, which only eager attention does."""
CLASSES = {"4-bit": "Linear4bit", "8-bit": "Linear8bitLt"}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A base ready for an adapter: `layers` counts its linear layers by class, `bytes` is what its weights take."""

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


def load(folder: Path, settings: Values) -> Loaded:
    """Load the base in `folder` as the settings say; the device, the type and the quantisation are decided by now."""
    transformers_logging.disable_progress_bar()
    tokenizer = _tokenizer(folder)
    model = _model(folder, settings)
    model.config.use_cache = False
    cure_avx512bf16(model)
    layers = _checked(model, settings["quantisation"])
    ends = model.generation_config.eos_token_id
    template = ChatTemplate.from_tokenizer(
        tokenizer, [] if ends is None else ends if isinstance(ends, list) else [ends]
    )
    if tokenizer.eos_token_id is None:
        raise ChatcloneError(f"the tokenizer in {folder} has no end-of-text token", "choose another base")
    _require_trainable(folder, template)
    own = tokenizer.chat_template is not None
    tokenizer.chat_template = template.source  # saved with the adapter: the one that was trained with
    size = sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers()))
    return Loaded(model, tokenizer, template, own, layers, size)


def cure_avx512bf16(model: Any) -> int:
    """Keep 4-bit layers from a kernel without gradients, and return how many there are.

    On processors with AVX512-BF16 bitsandbytes (0.50) repacks a layer in the first pass without gradients, as an
    evaluation is; from then on it computes wrong gradients or none. The attribute is its own way to say "not here".
    """
    cured = 0
    for module in model.modules():
        if type(module).__name__ == CLASSES["4-bit"]:
            module.support_avx512bf16_for_cpu = False
            cured += 1
    return cured


def quantisation_config(quantisation: str, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """Return how bitsandbytes is to hold the weights: NF4 with double quantisation, 8 bits, or not at all."""
    if quantisation == "4-bit":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
            # FSDP splits tensors of one type only: the packed bits are held in that of the other weights.
            bnb_4bit_quant_storage=dtype if distributed.sharded() else torch.uint8,
        )
    return BitsAndBytesConfig(load_in_8bit=True) if quantisation == "8-bit" else None


def _model(folder: Path, settings: Values) -> Any:
    dtype: torch.dtype = getattr(torch, settings["dtype"])
    quantised = quantisation_config(settings["quantisation"], dtype)
    if quantised and not installed("bitsandbytes"):
        raise ChatcloneError(
            f"{settings['quantisation']} weights need bitsandbytes, which is not installed", "pip install bitsandbytes"
        )
    more: dict[str, Any] = {"quantization_config": quantised} if quantised else {}
    if _model_type(folder) in EAGER:
        more["attn_implementation"] = "eager"
    with _sayable(folder):
        return AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            device_map=_place(settings["device"]),
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            **more,
        )


def _require_trainable(folder: Path, template: ChatTemplate) -> None:
    """Refuse a template whose replies end with no token that ends generation: its clone would never stop."""
    turns = [ChatMessage("user", "x"), ChatMessage("assistant", "y", trained=True)]
    try:
        template.sample(turns, sys.maxsize)
    except PromptError as error:
        raise ChatcloneError(
            f"the chat template of {folder} cannot be trained on: {error}",
            "take the instruct version of this base, whose template and end token belong together",
        ) from error


def _place(device: str) -> dict[str, int | str] | None:
    """Return where the whole model goes; of several GPUs under a launcher, this process's own; split, nowhere yet."""
    if distributed.sharded():
        return None
    if device == "cuda":
        return {"": int(os.environ.get(distributed.LOCAL_RANK, "0"))}
    return {"": device} if device == "cpu" else None


def _tokenizer(folder: Path) -> Any:
    with _sayable(folder):
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _model_type(folder: Path) -> str:
    from transformers import AutoConfig

    with _sayable(folder):
        return str(AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False).model_type)


def _checked(model: Any, quantisation: str) -> dict[str, int]:
    """Return the linear layers by class; layers that are not held as planned are an error."""
    layers = Counter(
        type(module).__name__
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not model.get_output_embeddings()
    )
    wanted = CLASSES.get(quantisation)
    if wanted and (not layers[wanted] or set(layers) != {wanted}):
        found = ", ".join(f"{count} {name}" for name, count in layers.items()) or "none"
        raise ChatcloneError(
            f"the base was to be loaded in {quantisation} and its layers are {found}",
            "--set quantisation=none, or another version of bitsandbytes",
        )
    return dict(layers)


@contextmanager
def _sayable(folder: Path) -> Iterator[None]:
    """Turn what transformers says about a model it cannot load into an error with a way out."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        if "instantiate the backend tokenizer" in reason:  # a list of what was tried follows, in later lines
            reason = "its tokenizer is missing or in a form that is not known"
        if "trust_remote_code" in str(error) or "custom code" in str(error):
            reason = "it needs code of its own, which is never run"
        raise ChatcloneError(
            f"the base in {folder} cannot be loaded: {reason}",
            "download it again whole (config, tokenizer, *.safetensors), or choose another base",
        ) from error
