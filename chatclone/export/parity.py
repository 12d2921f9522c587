"""Parity: how well an exported model agrees with its adapter, measured on the same conversations in both engines.

Each engine reads every conversation once; agreement is measured at all positions, the loss on the tokens that training
computes it on.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from chatclone.export.parity_prompts import Probe
from chatclone.export.parity_report import Loss, Parity
from chatclone.prompt.render import IGNORED, ChatMessage, ChatTemplate, PromptError
from chatclone.storage.safetensors_header import count_parameters

if TYPE_CHECKING:
    import torch

READ_TOKENS = 1024
"""Longest conversation in tokens, the default of training."""

BLOCK = 64
"""Positions compared at once: with a vocabulary of 150,000 a block takes 80 MB in 64 bits."""

Logits = npt.NDArray[np.float32]


class Scorer(Protocol):
    """An engine that returns logits: the transformers engine, and llama.cpp's."""

    template: ChatTemplate
    context: int

    def logits(self, ids: Sequence[int]) -> Logits:
        """Return the logits after each of `ids`, shape (len(ids), vocabulary)."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """The token ids of a conversation and, as in training, the label of each; IGNORED where no loss is computed."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]

    def targets(self) -> npt.NDArray[np.int64]:
        """Return the label that the logits after each id predict: the next one."""
        return np.array([*self.labels[1:], IGNORED], dtype=np.int64)


class Agreement(msgspec.Struct, frozen=True):
    """Agreement of two engines over all positions; see the same fields of Parity."""

    positions: int
    top1_agreement: float
    max_logprob_diff: float
    mean_logprob_diff: float
    mean_kl: float


def measure(base: Path, adapter: Path, model: Path, lora: Path | None, probes: Sequence[Probe]) -> Parity:
    """Compare a GGUF with the adapter in transformers and, on the held-out replies, with the base alone."""
    import psutil  # type: ignore[import-untyped]  # it brings no types
    import torch

    from chatclone.engines.llama_cpp import LlamaEngine
    from chatclone.engines.transformers import TransformersEngine, choose_device

    on_gpu = choose_device().type == "cuda"
    free = int(torch.cuda.mem_get_info()[0] if on_gpu else psutil.virtual_memory().available)
    dtype = reference_dtype(count_parameters(base), free)
    with closing(LlamaEngine(model, lora)) as candidate:
        with closing(TransformersEngine(base, adapter, dtype=dtype)) as reference:
            limit = min(READ_TOKENS, reference.context, candidate.context) - 1
            conversations = readings(reference.template, probes, limit)
            equal = prompt_ids_equal(reference.template, candidate.template, probes, limit)
            agreement, loss = compare(reference, candidate, conversations)
    if loss.trained_tokens:
        with closing(TransformersEngine(base, dtype=dtype)) as bare:
            loss = msgspec.structs.replace(loss, base=mean_loss(bare, conversations))
    prompts = Counter(str(probe.source) for probe in probes for _ in probe.prompts())
    return Parity(
        prompts=prompts.total(),
        prompts_from=dict(prompts),
        token_ids_equal=equal,
        reference_bits=16 if dtype is None else 32,
        **msgspec.structs.asdict(agreement),
        loss=loss,
    )


def reference_dtype(parameters: int, free_bytes: int) -> "torch.dtype | None":
    """Return 32 bits where they leave a fifth of the memory free; else None, for the engine's own choice.

    In bfloat16 a model disagrees with itself in about 2 % of positions (measured on the starter), more than f16 may.
    """
    import torch

    return torch.float32 if 4 * parameters < 0.8 * free_bytes else None


def prompt_ids_equal(ours: ChatTemplate, theirs: ChatTemplate, probes: Sequence[Probe], limit: int) -> bool:
    """Return whether both templates turn every prompt into the same token ids."""
    prompts = [prompt for probe in probes for prompt in probe.prompts()]
    return all(_prompt_ids(ours, prompt, limit) == _prompt_ids(theirs, prompt, limit) for prompt in prompts)


def readings(template: ChatTemplate, probes: Sequence[Probe], limit: int) -> list[Reading]:
    """Tokenize each conversation: a held-out one completely, as in training, any other up to its last reply."""
    read: list[Reading] = []
    for probe in probes:
        if probe.source == "held_out":
            try:
                sample = template.sample(probe.messages, limit)
                read.append(Reading(sample.ids, sample.labels))
                continue
            except PromptError:  # training leaves it out too: nothing in it is trained
                pass
        if ids := _prompt_ids(template, probe.prompts()[-1], limit):
            read.append(Reading(ids, (IGNORED,) * len(ids)))
    return read


def compare(reference: Scorer, candidate: Scorer, conversations: Sequence[Reading]) -> tuple[Agreement, Loss]:
    """Read every conversation in both engines; the loss of the base alone is not measured here."""
    same: list[npt.NDArray[np.bool_]] = []
    differences: list[npt.NDArray[np.float64]] = []
    divergences: list[npt.NDArray[np.float64]] = []
    sums = np.zeros(2)
    for conversation in conversations:
        both = reference.logits(conversation.ids), candidate.logits(conversation.ids)
        # transformers may pad the vocabulary with tokens that do not exist; llama.cpp does not.
        size = min(logits.shape[1] for logits in both)
        targets = conversation.targets()
        for rows in _blocks(len(conversation.ids)):
            ours, theirs = (log_softmax(logits[rows, :size]) for logits in both)
            top = ours.argmax(axis=1)
            here = np.arange(len(top))
            same.append(top == theirs.argmax(axis=1))
            differences.append(np.abs(ours[here, top] - theirs[here, top]))
            divergences.append((np.exp(ours) * (ours - theirs)).sum(axis=1))
            sums += [_nats(ours, targets[rows]), _nats(theirs, targets[rows])]
    difference = np.concatenate(differences)
    agreement = Agreement(
        positions=len(difference),
        top1_agreement=float(np.concatenate(same).mean()),
        max_logprob_diff=float(difference.max()),
        mean_logprob_diff=float(difference.mean()),
        mean_kl=float(np.concatenate(divergences).mean()),
    )
    count = trained_tokens(conversations)
    adapter, gguf = (float(total) / count for total in sums) if count else (None, None)
    return agreement, Loss(count, adapter=adapter, gguf=gguf)


def mean_loss(engine: Scorer, conversations: Sequence[Reading]) -> float | None:
    """Return the loss of one engine; conversations without a trained token are not read."""
    count = trained_tokens(conversations)
    total = 0.0
    for conversation in conversations:
        targets = conversation.targets()
        if (targets != IGNORED).any():
            logits = engine.logits(conversation.ids)
            total += sum(_nats(log_softmax(logits[rows]), targets[rows]) for rows in _blocks(len(targets)))
    return total / count if count else None


def trained_tokens(conversations: Sequence[Reading]) -> int:
    """Return how many tokens the loss is computed on."""
    return sum(label != IGNORED for conversation in conversations for label in conversation.labels[1:])


def log_softmax(logits: Logits) -> npt.NDArray[np.float64]:
    """Return log-probabilities in 64 bits, so that the measurement itself adds no error."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _nats(log_probabilities: npt.NDArray[np.float64], targets: npt.NDArray[np.int64]) -> float:
    """Return the sum of the loss over the rows that have a target."""
    rows = np.flatnonzero(targets != IGNORED)
    return float(-log_probabilities[rows, targets[rows]].sum())


def _blocks(length: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, length, BLOCK))


def _prompt_ids(template: ChatTemplate, messages: Sequence[ChatMessage], limit: int) -> tuple[int, ...]:
    """Return the token ids of a prompt; none where its last turn alone is too long."""
    try:
        return template.prompt(messages, limit).ids
    except PromptError:
        return ()
