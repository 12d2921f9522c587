"""The parity of one exported file: both engines opened, the same conversations read, and both closed again.

Imported lazily, since it imports torch and llama.cpp.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chatclone.engines.llama import LlamaEngine
from chatclone.engines.transformers import TransformersEngine
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
from chatclone.export.probes import Probe


def measure(base: Path, adapter: Path, model: Path, lora: Path | None, probes: Sequence[Probe]) -> Parity:
    """Compare a GGUF with the adapter on transformers, and on the held-out replies with the base alone too."""
    candidate = LlamaEngine(model, lora)
    try:
        equal, agreement, loss, conversations = _against_adapter(base, adapter, candidate, probes)
    finally:
        candidate.close()
    if trained_tokens(conversations):
        alone = TransformersEngine(base)
        try:
            loss = replace(loss, base=mean_loss(alone, conversations))
        finally:
            alone.close()
    prompts = Counter(probe.source for probe in probes for _ in probe.prompts())
    return Parity({str(source): count for source, count in prompts.items()}, equal, agreement, loss)


def _against_adapter(
    base: Path, adapter: Path, candidate: LlamaEngine, probes: Sequence[Probe]
) -> tuple[bool, Agreement, Loss, list[Reading]]:
    reference = TransformersEngine(base, adapter)
    try:
        limit = min(READ_TOKENS, reference.context, candidate.context) - 1
        conversations = readings(reference.template, probes, limit)
        equal = prompt_ids_equal(reference.template, candidate.template, probes, limit)
        return equal, *compare(reference, candidate, conversations), conversations
    finally:
        reference.close()
