"""What an export is compared on: the person's held-out conversations, and text that tokenizers stumble over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from chatclone.export.base_gguf import HOSTILE
from chatclone.personas.persona import Persona
from chatclone.prompt.render import ChatMessage
from chatclone.training.tokenized_data import line_messages, read_lines

PROMPTS = 64
"""Prompts of the person's own conversations, beside the hostile ones."""

_GOLDEN = (5**0.5 - 1) / 2

Source = Literal["held_out", "training", "hostile"]


@dataclass(frozen=True, slots=True)
class Probe:
    """A conversation to compare on; only held-out ones count for the loss."""

    messages: tuple[ChatMessage, ...]
    source: Source

    def prompts(self) -> list[tuple[ChatMessage, ...]]:
        """Return the conversation up to before each reply to somebody; without a reply, up to its last question."""
        turns = self.messages
        asked = [i + 1 for i, turn in enumerate(turns) if turn.role == "user"]
        answered = [i for i in asked if i < len(turns) and turns[i].role == "assistant"]
        return [turns[:i] for i in answered or asked[-1:]]


def probes(persona: Persona, wanted: int = PROMPTS) -> list[Probe]:
    """Return held-out conversations until they hold `wanted` prompts, filled up from the training data, and HOSTILE."""
    chosen: list[Probe] = []
    count = 0
    system = persona.system_prompt("{partner}")  # as training fills it in, from each line
    files: tuple[tuple[str, Source], ...] = (("eval.jsonl", "held_out"), ("train.jsonl", "training"))
    for name, source in files:
        for line in _spread(_lines(persona.dataset_folder / name)):
            if count >= wanted:
                break
            probe = Probe(tuple(line_messages(line, system)), source)
            if prompts := probe.prompts():
                chosen.append(probe)
                count += len(prompts)
    return [*chosen, *hostile(persona)]


def hostile(persona: Persona) -> list[Probe]:
    """Return each of HOSTILE as a question to the persona."""
    system = ChatMessage("system", persona.system_prompt(next(iter(persona.partners), "")))
    return [Probe((system, ChatMessage("user", text)), "hostile") for text in HOSTILE]


def _lines(path: Path) -> list[dict[str, Any]]:
    return list(read_lines(path)) if path.is_file() else []


def _spread(lines: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the lines in an order of which any beginning is spread evenly over the file.

    Multiples of the golden ratio, without their whole part, lie evenly however many there are.
    """
    order = sorted(range(len(lines)), key=lambda i: i * _GOLDEN % 1)
    return (lines[i] for i in order)
