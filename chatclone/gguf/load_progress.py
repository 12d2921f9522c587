"""Progress of loading a model, and how to cancel it. Imports nothing heavy: the command line needs it at the start."""

from collections.abc import Callable

from chatclone.errors import ChatcloneError

Loading = Callable[[float], bool]
"""Called with the share of a model that is loaded, from 0 to 1; returning False cancels the loading."""


def keep_loading(share: float) -> bool:
    """Let the model load: the default `Loading`."""
    return True


class LoadingCancelled(ChatcloneError):
    """The loading of a model was cancelled."""

    def __init__(self, name: str) -> None:
        super().__init__("loading {name} was cancelled", "open the chat again to load it", name=name)
