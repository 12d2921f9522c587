"""The model that a chat without a screen has loaded: one at a time, the one that its conversation wants."""

from chatclone.tui.services.model_choices import AS_STARTED, Key, Models
from chatclone.tui.services.open_personas import CloneFactory


class Loaded:
    """Loads what it was started with, and later another one in its place."""

    def __init__(self, as_started: CloneFactory, models: Models) -> None:
        self.models = models
        self._as_started = as_started
        self.clone, self.note = as_started()
        self.key: Key | None = AS_STARTED
        """Which model this is; None while there is none."""

    def load(self, key: Key) -> None:
        """Free the model that is there and load this one; where that fails, the former one is loaded again."""
        before, self.key = self.key, None
        try:
            self._take(key)
        except Exception:
            if before is not None:
                self._take(before)
            raise

    def _take(self, key: Key) -> None:
        self.clone, self.note = self.models.factory(key, self._as_started)()
        self.key = key
