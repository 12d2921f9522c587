"""The interface of an engine: it continues a prompt, yields events as it writes, and can be cancelled between tokens.

To add an engine: implement `Engine` in a module of its own and open it in `choose.py`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from chatclone.personas.sampling import Sampling as Sampling
from chatclone.prompt.render import ChatTemplate, Prompt

StoppedBy = Literal["end_of_turn", "stop_marker", "length", "cancelled"]

Cancelled = Callable[[], bool]
"""Called between tokens and between batches of the prompt; True cancels the generation."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`done` of `total` prompt tokens have been read; `cached` of them came from the prefix cache."""

    done: int
    total: int
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """New text, which took `tokens` tokens."""

    text: str
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class Stopped:
    """The last event of every generation: why it ended."""

    by: StoppedBy


EngineEvent = Reading | Piece | Stopped


class Engine(Protocol):
    """A loaded model. One generation at a time; `generate` may run in any thread, the same one throughout."""

    name: str
    """The kind: transformers, gguf or openai."""
    model: str
    """What is loaded: the name of a folder or file, or the server's name for it."""
    remote: str
    """The host that messages are sent to; empty for this machine."""
    settings: tuple[str, ...]
    """The settings chosen for this machine, each with its reason; may be empty."""
    context: int
    """Tokens of prompt and reply together."""
    template: ChatTemplate
    """The base model's template, bound to this engine's tokenizer."""

    def generate(self, prompt: Prompt, sampling: Sampling, cancelled: Cancelled) -> Iterator[EngineEvent]:
        """Continue `prompt`; the last event is the only `Stopped`, and no piece ends within a character."""
        ...

    def set_strength(self, strength: float) -> None:
        """Scale the adapter from now on: 1 as trained, 0 off; ChatcloneError without a separate adapter."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...
