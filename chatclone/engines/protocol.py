"""What an engine is: something that continues a prompt, streams what it writes, and can be stopped between tokens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from chatclone.engines.load_progress import Loading as Loading
from chatclone.engines.load_progress import LoadingStopped as LoadingStopped
from chatclone.engines.load_progress import undisturbed as undisturbed
from chatclone.personas.sampling import Sampling as Sampling
from chatclone.prompt.render import ChatTemplate, Prompt

StoppedBy = Literal["end_of_turn", "stop_marker", "length", "cancelled"]

Cancelled = Callable[[], bool]
"""Asked between tokens, and between batches of prompt reading: True stops the generation."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`done` of `total` prompt tokens have been read; `cached` of them needed no reading."""

    done: int
    total: int
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that was just written; `tokens` is how many tokens it took."""

    text: str
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class Stopped:
    """The last event of every generation: why it ended."""

    by: StoppedBy


EngineEvent = Reading | Piece | Stopped


class Engine(Protocol):
    """A loaded model. One generation at a time; `generate` may be called from any thread, the same one throughout."""

    name: str
    """The kind: transformers, gguf or openai."""
    model: str
    """What is loaded, for people: a folder or file name, or what a server calls it."""
    remote: str
    """The host that words are sent to, for people to know; empty while they stay on this machine."""
    settings: tuple[str, ...]
    """What was chosen for this machine, and why, for people; empty where there was nothing to choose."""
    context: int
    """Tokens of prompt and reply together."""
    template: ChatTemplate
    """The base model's template, bound to this engine's own tokenizer."""

    def generate(self, prompt: Prompt, sampling: Sampling, cancelled: Cancelled) -> Iterator[EngineEvent]:
        """Continue `prompt`; the events end with exactly one `Stopped`, and pieces hold whole characters only."""
        ...

    def set_strength(self, strength: float) -> None:
        """Apply the adapter at this strength from now on, 1 as trained, 0 not; ChatcloneError without an adapter."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...


class TextStream:
    """Turns a growing list of token ids into text that never ends within a character.

    Decoded are the tokens of the text given last and those after them, not the whole reply: a tokenizer may write a
    token differently where a text begins, as SentencePiece leaves out its space there.
    """

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._before = 0  # tokens of these that are given, and the characters of their text
        self._given = 0

    def push(self, token: int) -> str:
        """Add a token and return the text that became certain, which may be empty."""
        self._ids.append(token)
        text = self._decode(self._ids)
        if len(text) <= self._given or text[-1] == "\ufffd":
            return ""
        new = text[self._given :]
        del self._ids[: self._before]
        self._before, self._given = len(self._ids), len(self._decode(self._ids))
        return new

    def rest(self) -> str:
        """Return what is left when no more tokens come, an unfinished character dropped."""
        return self._decode(self._ids).rstrip("\ufffd")[self._given :]


class StopMarker:
    """Watches written text for the marker that ends a reply, and holds back what may be its beginning."""

    def __init__(self, marker: str) -> None:
        self._marker = marker
        self._held = ""
        self.seen = False

    def push(self, text: str) -> str:
        """Add text and return what is certain not to belong to the marker; after it nothing is."""
        if self.seen or not self._marker:
            return "" if self.seen else text
        self._held += text
        before, marker, _ = self._held.partition(self._marker)
        if marker:
            self.seen, self._held = True, ""
            return before
        lengths = range(min(len(self._marker) - 1, len(self._held)), 0, -1)
        kept = next((n for n in lengths if self._marker.startswith(self._held[-n:])), 0)
        given, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        return given

    def rest(self) -> str:
        """Return what was held back and turned out to be text."""
        given, self._held = self._held, ""
        return given
