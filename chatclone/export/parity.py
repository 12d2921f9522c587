"""How far an exported model answers like the adapter it came from, measured on the same prompts in both engines."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from chatclone.prompt import ChatMessage, ChatTemplate

PROMPT_TOKENS = 512
"""Prompts are cut to this: enough positions to compare, and a second each on a small machine."""

Conversation = Sequence[ChatMessage]


class Scorer(Protocol):
    """An engine that tells its logits: the transformers engine, and llama.cpp's."""

    template: ChatTemplate
    context: int

    def logits(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Return the logits after each of `ids`, shape (len(ids), vocabulary)."""
        ...


@dataclass(frozen=True, slots=True)
class Parity:
    """Agreement over every position of the prompts; log-probabilities and KL in nats."""

    prompts: int
    token_ids_equal: bool
    top1_agreement: float
    """Share of positions where both find the same next token likeliest."""
    max_logprob_diff: float
    """The largest difference of the log-probability of the reference's likeliest token."""
    mean_kl: float
    """KL(reference ‖ candidate), the mean of all positions."""

    def as_dict(self) -> dict[str, Any]:
        """Return the report as `export --json` has it."""
        return {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(self).items()}


def compare(reference: Scorer, candidate: Scorer, conversations: Sequence[Conversation]) -> Parity:
    """Render every conversation in both engines, compare the ids, and the logits on the reference's ids."""
    same: list[npt.NDArray[np.bool_]] = []
    differences: list[npt.NDArray[np.float64]] = []
    divergences: list[npt.NDArray[np.float64]] = []
    ids_equal = True
    limit = min(PROMPT_TOKENS, reference.context, candidate.context) - 1
    for conversation in conversations:
        ids = reference.template.prompt(conversation, limit).ids
        ids_equal &= candidate.template.prompt(conversation, limit).ids == ids
        ours, theirs = log_softmax(reference.logits(ids)), log_softmax(candidate.logits(ids))
        # llama.cpp pads no vocabulary; transformers may, with tokens that do not exist.
        size = min(ours.shape[1], theirs.shape[1])
        ours, theirs = ours[:, :size], theirs[:, :size]
        top = ours.argmax(axis=1)
        rows = np.arange(len(top))
        same.append(top == theirs.argmax(axis=1))
        differences.append(np.abs(ours[rows, top] - theirs[rows, top]))
        divergences.append((np.exp(ours) * (ours - theirs)).sum(axis=1))
    return Parity(
        prompts=len(conversations),
        token_ids_equal=ids_equal,
        top1_agreement=float(np.concatenate(same).mean()),
        max_logprob_diff=float(np.concatenate(differences).max()),
        mean_kl=float(np.concatenate(divergences).mean()),
    )


def log_softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return log-probabilities in 64 bits, so that the measurement adds no error of its own."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
