"""How the loading of a model is told of and stopped; the command line names it before anything else is imported."""

from collections.abc import Callable

from chatclone.errors import ChatcloneError

Loading = Callable[[float], bool]
"""Told what share of a model is loaded, from 0 to 1, as often as that changes; False stops the loading."""


def undisturbed(share: float) -> bool:
    """Let a model load, whatever its share."""
    return True


class LoadingStopped(ChatcloneError):
    """A model was not loaded, since somebody wanted it no more."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the loading of {name} was stopped", "open the chat again to load it")
