"""The chats that the app has opened: their stores and models, each closed once."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatclone.personas.persona import Persona

if TYPE_CHECKING:
    from chatclone.clone.clone import Clone
    from chatclone.conversations import ChatStore

CloneFactory = Callable[[], tuple["Clone", str]]
"""Loads the model; the text says what a person should know about how, or is empty."""


class Opened:
    """Opens stores and clones, and remembers them; closing may come from any thread."""

    def __init__(self) -> None:
        self._stores: dict[Path, ChatStore] = {}
        self._clones: list[Clone] = []
        self._lock = threading.Lock()

    def keeping(self, factory: CloneFactory) -> CloneFactory:
        """Return the factory with what it makes remembered."""

        def open_and_keep(*arguments: Any, **named: Any) -> "tuple[Clone, str]":
            clone, note = factory(*arguments, **named)
            with self._lock:
                self._clones.append(clone)
            return clone, note

        return open_and_keep

    def store(self, persona: Persona) -> "ChatStore":
        """Return the persona's conversations, opened once."""
        from chatclone.conversations import ChatStore  # not before the first paint

        if persona.folder not in self._stores:
            self._stores[persona.folder] = ChatStore.open(persona.chats_file)
        return self._stores[persona.folder]

    def closing_clones(self) -> Callable[[], None]:
        """Return what frees the models that are loaded now; a reply that is being written ends first."""
        with self._lock:
            closing, self._clones = self._clones, []

        def close() -> None:
            for clone in closing:
                clone.close()

        return close

    def close(self) -> None:
        """Close everything."""
        for store in self._stores.values():
            store.close()
        self._stores.clear()
        self.closing_clones()()


def version_of(persona: Persona) -> tuple[Any, ...]:
    """Return what tells whether a chat with a persona must be opened anew: its base, its adapter, its exports."""
    exports = persona.models_folder / "export.json"
    return persona.folder, persona.base, persona.adapter, exports.stat().st_mtime_ns if exports.exists() else 0


def opener(open_persona: "Callable[[Persona, Path], tuple[Clone, str]]", persona: Persona, home: Path) -> CloneFactory:
    """Return what opens this persona as it is now."""
    return lambda: open_persona(persona, home)
