"""The engine on transformers: a local base model, with or without a PEFT adapter.

It downloads nothing, runs no remote code and reads no pickle. Import it lazily: it imports torch.
"""

import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache
from transformers.utils import logging as transformers_logging

from chatclone.engines.protocol import Cancelled, Sampling
from chatclone.engines.token_loop import MAX_CONTEXT, LocalEngine
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import ChatTemplate
from chatclone.storage.safetensors_header import count_parameters

SMALL_PARAMETERS = 1_000_000_000
"""Below this many, 32-bit weights fit into memory, and most CPUs compute them faster than bf16."""

TINY_PARAMETERS = 50_000_000
"""Below this many a CPU computes on one thread: fast enough, without waiting for a second, busy core."""

THREADS = torch.get_num_threads()
"""torch's own choice for this machine; saved, since the number applies to the whole process."""

READ_BATCH = 64
"""Prompt tokens computed at once: Esc waits for one batch."""

logger = logging.getLogger(__name__)


class TransformersEngine(LocalEngine):
    """Runs a base model and its adapter through transformers; one conversation at a time, with a prefix cache."""

    name = "transformers"
    read_batch = READ_BATCH

    def __init__(
        self,
        base: Path,
        adapter: Path | None = None,
        *,
        context: int | None = None,
        label: str = "",
        dtype: torch.dtype | None = None,
    ) -> None:
        device = choose_device()
        dtype, reason = (dtype, "as asked") if dtype else choose_dtype(base, device)
        logger.info("%s on %s in %s: %s", base.name, device.type, dtype, reason)
        torch.set_num_threads(1 if count_parameters(base) < TINY_PARAMETERS else THREADS)
        model = load_model(base, adapter, dtype).to(device)
        # Merged, a token takes half the time; only 32-bit weights lose nothing by it.
        self._model = model.merge_and_unload() if adapter is not None and dtype == torch.float32 else model
        ends = self._model.generation_config.eos_token_id
        template = ChatTemplate.from_tokenizer(
            load_tokenizer(base), [] if ends is None else ends if isinstance(ends, list) else [ends]
        )
        longest = int(getattr(self._model.config, "max_position_embeddings", MAX_CONTEXT))
        label = label or (f"{base.name} + {adapter.name}" if adapter else base.name)
        super().__init__(label, context or min(longest, MAX_CONTEXT), template)
        self._device = device
        self._cache = DynamicCache()
        self._last = torch.empty(0)

    def _free(self) -> None:
        self._model, self._cache, self._held = None, DynamicCache(), []
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def logits(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Return the logits after each of `ids`, shape (len(ids), vocabulary)."""
        with torch.inference_mode():
            output = self._model(input_ids=self._tensor(ids), use_cache=False)
        return np.asarray(output.logits[0].float().cpu().numpy())

    def _tensor(self, ids: Sequence[int]) -> torch.Tensor:
        return torch.tensor([list(ids)], device=self._device)

    def _crop(self, length: int) -> int:
        if length == 0:
            self._cache = DynamicCache()
        else:
            self._cache.crop(length - len(self._held))
        return length

    def _feed(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> bool:
        with torch.inference_mode():
            output = self._model(
                input_ids=self._tensor(ids), past_key_values=self._cache, use_cache=True, logits_to_keep=1
            )
        self._last = output.logits[0, -1].float().cpu()
        return True

    def _chooser(self, sampling: Sampling) -> Callable[[], int]:
        generator = torch.Generator()
        if sampling.seed is None:
            generator.seed()
        else:
            generator.manual_seed(sampling.seed)
        return lambda: choose_token(self._last, sampling, generator)


def choose_token(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """Return a token id for `logits` of shape (vocabulary,): top-p, min-p, then the temperature, as llama.cpp does."""
    if sampling.temperature <= 0:
        return int(logits.argmax())
    ordered, ids = logits.sort(descending=True)
    likely = ordered.softmax(0)
    keep = (likely.cumsum(0) - likely < sampling.top_p) & (likely >= sampling.min_p * likely[0])
    keep[0] = True
    weights = (ordered[keep] / sampling.temperature).softmax(0)
    return int(ids[keep][torch.multinomial(weights, 1, generator=generator)])


def load_model(base: Path, adapter: Path | None, dtype: torch.dtype) -> Any:
    """Load a model from local safetensors in evaluation mode; the adapter is not merged."""
    transformers_logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            base, dtype=dtype, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise ChatcloneError(
            "cannot load the model in {folder}: {reason}",
            "it must be a folder with config.json, tokenizer.json and *.safetensors",
            folder=base,
            reason=_first_line(error),
        ) from error
    return (model if adapter is None else _adapted(model, adapter)).eval()


def load_tokenizer(base: Path) -> Any:
    """Load the tokenizer of a local model."""
    try:
        return AutoTokenizer.from_pretrained(base, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ChatcloneError(
            "cannot load the tokenizer in {folder}: {reason}",
            "it must be a folder with tokenizer.json",
            folder=base,
            reason=_first_line(error),
        ) from error


def choose_device() -> torch.device:
    """Return the device to compute on: an NVIDIA or AMD GPU, Apple's GPU, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def choose_dtype(base: Path, device: torch.device) -> tuple[torch.dtype, str]:
    """Return the floating-point type to compute in, and why."""
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16, "this GPU computes in bfloat16"
        return torch.float16, "this GPU has no bfloat16"
    if count_parameters(base) < SMALL_PARAMETERS:
        return torch.float32, "small enough for 32-bit weights, which lose nothing"
    return torch.bfloat16, "32-bit weights would need too much memory"


def _adapted(model: Any, adapter: Path) -> Any:
    """Return `model` with a PEFT adapter applied, not merged."""
    from peft import PeftModel

    for name in ("adapter_config.json", "adapter_model.safetensors"):
        if not (adapter / name).is_file():
            raise ChatcloneError("{folder} has no {file}", "train again: chatclone train", folder=adapter, file=name)
    with warnings.catch_warnings():
        # PEFT 0.21 uses a name that transformers 5.23 renamed.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        try:
            return PeftModel.from_pretrained(model, adapter, local_files_only=True)
        except (ValueError, RuntimeError) as error:
            raise ChatcloneError(
                "the adapter in {folder} does not fit this base: {reason}",
                "name the base it was trained on, or train again",
                folder=adapter,
                reason=_first_line(error),
            ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
