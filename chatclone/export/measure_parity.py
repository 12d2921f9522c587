"""The parity of one exported file: both engines opened, the same conversations read, and both closed again.

Imported lazily, since it imports torch and llama.cpp.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it brings no types
import torch

from chatclone.engines.llama_cpp import LlamaEngine
from chatclone.engines.transformers import TransformersEngine, choose_device
from chatclone.export.parity import (
    READ_TOKENS,
    Agreement,
    Loss,
    Parity,
    Reading,
    compare,
    mean_loss,
    prompt_ids_equal,
    readings,
    trained_tokens,
)
from chatclone.export.parity_prompts import Probe
from chatclone.storage.safetensors_header import count_parameters


def measure(base: Path, adapter: Path, model: Path, lora: Path | None, probes: Sequence[Probe]) -> Parity:
    """Compare a GGUF with the adapter on transformers, and on the held-out replies with the base alone too."""
    dtype = reference_dtype(count_parameters(base), _free_memory())
    candidate = LlamaEngine(model, lora)
    try:
        equal, agreement, loss, conversations = _against_adapter(base, adapter, candidate, probes, dtype)
    finally:
        candidate.close()
    if trained_tokens(conversations):
        alone = TransformersEngine(base, dtype=dtype)
        try:
            loss = replace(loss, base=mean_loss(alone, conversations))
        finally:
            alone.close()
    prompts = Counter(probe.source for probe in probes for _ in probe.prompts())
    counts = {str(source): count for source, count in prompts.items()}
    return Parity(counts, equal, agreement, loss, 16 if dtype is None else 32)


def reference_dtype(weights: int, free_bytes: int) -> torch.dtype | None:
    """Return 32 bits where they fit, with a fifth of the memory left over; else None, for the engine's own choice.

    In bfloat16 a model disagrees with itself in about 2 % of positions (the starter, measured), more than f16 may.
    """
    return torch.float32 if 4 * weights < 0.8 * free_bytes else None


def _free_memory() -> int:
    """Return the free bytes of where transformers computes."""
    if choose_device().type == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)


def _against_adapter(
    base: Path, adapter: Path, candidate: LlamaEngine, probes: Sequence[Probe], dtype: torch.dtype | None
) -> tuple[bool, Agreement, Loss, list[Reading]]:
    reference = TransformersEngine(base, adapter, dtype=dtype)
    try:
        limit = min(READ_TOKENS, reference.context, candidate.context) - 1
        conversations = readings(reference.template, probes, limit)
        equal = prompt_ids_equal(reference.template, candidate.template, probes, limit)
        return equal, *compare(reference, candidate, conversations), conversations
    finally:
        reference.close()
