"""The text marker that ends a reply, for base models without an end-of-turn token."""


class StopMarker:
    """Finds the marker that ends a reply, and holds back text that may be its beginning.

    The marker comes from the chat template (`{#- stop_marker=... -#}`, chatclone/prompt/templates).
    """

    def __init__(self, marker: str) -> None:
        self._marker = marker
        self._pending = ""
        self.seen = False

    def push(self, text: str) -> str:
        """Add text and return what is certainly not part of the marker; nothing once it was seen."""
        if self.seen or not self._marker:
            return "" if self.seen else text
        self._pending += text
        before, found, _ = self._pending.partition(self._marker)
        if found:
            self.seen, self._pending = True, ""
            return before
        lengths = range(min(len(self._marker) - 1, len(self._pending)), 0, -1)
        kept = next((n for n in lengths if self._marker.startswith(self._pending[-n:])), 0)
        certain, self._pending = self._pending[: len(self._pending) - kept], self._pending[len(self._pending) - kept :]
        return certain

    def rest(self) -> str:
        """Return the text that was held back, when no marker followed."""
        rest, self._pending = self._pending, ""
        return rest
