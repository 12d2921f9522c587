"""The conversations that an export is compared on: held-out ones, and texts on which tokenizers often differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chatclone.export.base_gguf import DIFFICULT_TEXTS
from chatclone.personas.persona import Persona
from chatclone.prompt.render import ChatMessage
from chatclone.training.tokenized_data import Line, line_messages, read_lines

PROMPTS = 64
"""Prompts from the person's own conversations, in addition to the difficult texts."""

_GOLDEN = (5**0.5 - 1) / 2

Source = Literal["held_out", "training", "hostile"]


@dataclass(frozen=True, slots=True)
class Probe:
    """A conversation to compare on; the loss is measured on held-out ones only."""

    messages: tuple[ChatMessage, ...]
    source: Source

    def prompts(self) -> list[tuple[ChatMessage, ...]]:
        """Return the conversation up to each reply, exclusive; without a reply, up to its last question."""
        turns = self.messages
        asked = [i + 1 for i, turn in enumerate(turns) if turn.role == "user"]
        answered = [i for i in asked if i < len(turns) and turns[i].role == "assistant"]
        return [turns[:i] for i in answered or asked[-1:]]


def probes(persona: Persona, wanted: int = PROMPTS) -> list[Probe]:
    """Return held-out conversations with `wanted` prompts, filled up from training data, and difficult texts."""
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
    return [*chosen, *_difficult(persona)]


def _difficult(persona: Persona) -> list[Probe]:
    system = ChatMessage("system", persona.system_prompt(next(iter(persona.partners), "")))
    return [Probe((system, ChatMessage("user", text)), "hostile") for text in DIFFICULT_TEXTS]


def _lines(path: Path) -> list[Line]:
    return list(read_lines(path)) if path.is_file() else []


def _spread(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield the lines in an order whose first lines, however many, are spread evenly over the file.

    The fractional parts of multiples of the golden ratio are evenly spread.
    """
    order = sorted(range(len(lines)), key=lambda i: i * _GOLDEN % 1)
    return (lines[i] for i in order)
