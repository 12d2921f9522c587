"""An engine that goes on within a reply that has begun: its prompt ends with what is written already."""

from collections.abc import Iterator
from dataclasses import replace

from chatclone.engines.protocol import Cancelled, Engine, EngineEvent, Sampling
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import Prompt
from chatclone.prompt.stop_markers import neutralise


class Continuing:
    """`engine` for one reply that begins with `begun`; it writes what comes after.

    A server gets messages and not token ids, and cannot be told that a turn is open: ChatcloneError.
    """

    def __init__(self, engine: Engine, begun: str) -> None:
        if engine.remote or engine.name == "openai":
            raise ChatcloneError("a server cannot go on with a reply that was cut", "have it written again instead")
        self._engine = engine
        self._begun = neutralise(begun, engine.template.markers)
        self._ids = tuple(engine.template.encode(self._begun))
        self.name = engine.name
        self.model = engine.model
        self.remote: str = engine.remote
        self.settings = engine.settings
        self.template = engine.template
        self.context = engine.context - len(self._ids)

    def generate(self, prompt: Prompt, sampling: Sampling, cancelled: Cancelled) -> Iterator[EngineEvent]:
        """Continue `prompt` with what was begun behind it."""
        longer = replace(prompt, text=prompt.text + self._begun, ids=prompt.ids + self._ids)
        return self._engine.generate(longer, sampling, cancelled)

    def set_strength(self, strength: float) -> None:
        """Apply the adapter at this strength."""
        self._engine.set_strength(strength)

    def close(self) -> None:
        """Free the model."""
        self._engine.close()
