"""How far an exported model answers like the adapter it came from, measured on the same conversations in both engines.

Every conversation is read once by each engine; agreement is taken at all its positions, the loss at the tokens that
training computes it on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from chatclone.export.parity_prompts import Probe
from chatclone.prompt.render import IGNORED, ChatMessage, ChatTemplate, PromptError

READ_TOKENS = 1024
"""Conversations are read up to this length, the same as in training by default."""

BLOCK = 64
"""Positions compared at once: with 150,000 tokens in a vocabulary a block takes 80 MB in 64 bits."""

LEAST_GAIN = 0.01
"""Nats a token the adapter must have gained before a share of it says anything."""

Logits = npt.NDArray[np.float32]


class Scorer(Protocol):
    """An engine that tells its logits: the transformers engine, and llama.cpp's."""

    template: ChatTemplate
    context: int

    def logits(self, ids: Sequence[int]) -> Logits:
        """Return the logits after each of `ids`, shape (len(ids), vocabulary)."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """The ids of a conversation, and as in training the label of each, IGNORED where no loss is computed."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]

    def targets(self) -> npt.NDArray[np.int64]:
        """Return which label the logits after each id are about: the next one."""
        return np.array([*self.labels[1:], IGNORED], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two engines choose over every position read; log-probabilities and KL in nats."""

    positions: int
    top1_agreement: float
    """Share of positions where both find the same next token likeliest."""
    max_logprob_diff: float
    """The largest difference of the log-probability of the reference's likeliest token."""
    mean_logprob_diff: float
    mean_kl: float
    """KL(reference ‖ candidate), the mean of all positions."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Eval loss in nats a trained token, on the held-out replies; None where none is held out."""

    trained_tokens: int
    base: float | None
    adapter: float | None
    gguf: float | None

    @property
    def kept(self) -> float | None:
        """The share of what the adapter gained over the base that the exported file keeps."""
        if self.base is None or self.adapter is None or self.gguf is None or self.base - self.adapter < LEAST_GAIN:
            return None
        return (self.base - self.gguf) / (self.base - self.adapter)


@dataclass(frozen=True, slots=True)
class Parity:
    """The whole comparison of an exported file with the adapter it came from."""

    prompts: dict[str, int]
    """How many prompts of each source were compared as token ids."""
    token_ids_equal: bool
    agreement: Agreement
    loss: Loss
    reference_bits: int = 32
    """In how many bits the adapter was computed on transformers."""

    def as_dict(self) -> dict[str, Any]:
        """Return the report as `export --json` has it."""
        document: dict[str, Any] = {
            "prompts": sum(self.prompts.values()),
            "prompts_from": self.prompts,
            "token_ids_equal": self.token_ids_equal,
            "reference_bits": self.reference_bits,
            **asdict(self.agreement),
        }
        return _rounded(document) | {"loss": _rounded({**asdict(self.loss), "kept": self.loss.kept})}


def prompt_ids_equal(ours: ChatTemplate, theirs: ChatTemplate, probes: Sequence[Probe], limit: int) -> bool:
    """Return whether both templates turn every prompt of the conversations into the same ids."""
    prompts = [prompt for probe in probes for prompt in probe.prompts()]
    return all(_prompt_ids(ours, prompt, limit) == _prompt_ids(theirs, prompt, limit) for prompt in prompts)


def readings(template: ChatTemplate, probes: Sequence[Probe], limit: int) -> list[Reading]:
    """Tokenise each conversation once: a held-out one whole, as in training, any other up to its last reply."""
    read: list[Reading] = []
    for probe in probes:
        if probe.source == "held_out":
            try:
                sample = template.sample(probe.messages, limit)
                read.append(Reading(sample.ids, sample.labels))
                continue
            except PromptError:  # training left it out too: it has nothing to learn from
                pass
        if ids := _prompt_ids(template, probe.prompts()[-1], limit):
            read.append(Reading(ids, (IGNORED,) * len(ids)))
    return read


def compare(reference: Scorer, candidate: Scorer, conversations: Sequence[Reading]) -> tuple[Agreement, Loss]:
    """Read every conversation in both engines; the loss's `base` is not known here."""
    same: list[npt.NDArray[np.bool_]] = []
    differences: list[npt.NDArray[np.float64]] = []
    divergences: list[npt.NDArray[np.float64]] = []
    sums = np.zeros(2)
    for conversation in conversations:
        both = reference.logits(conversation.ids), candidate.logits(conversation.ids)
        # llama.cpp pads no vocabulary; transformers may, with tokens that do not exist.
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
    return agreement, Loss(count, None, adapter, gguf)


def mean_loss(engine: Scorer, conversations: Sequence[Reading]) -> float | None:
    """Return the loss of one engine alone; conversations without a trained token are not read."""
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
    """Return log-probabilities in 64 bits, so that the measurement adds no error of its own."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _nats(log_probabilities: npt.NDArray[np.float64], targets: npt.NDArray[np.int64]) -> float:
    """Return the loss of the rows that have a target, added up."""
    rows = np.flatnonzero(targets != IGNORED)
    return float(-log_probabilities[rows, targets[rows]].sum())


def _blocks(length: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, length, BLOCK))


def _prompt_ids(template: ChatTemplate, messages: Sequence[ChatMessage], limit: int) -> tuple[int, ...]:
    """Return the ids of a prompt, none where its last turn alone is too long."""
    try:
        return template.prompt(messages, limit).ids
    except PromptError:
        return ()


def _rounded(table: dict[str, Any]) -> dict[str, Any]:
    return {key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in table.items()}
