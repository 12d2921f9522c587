"""The loop that every engine on this machine shares: read what is new of the prompt, then write token by token.

An engine brings three steps (`_crop`, `_feed`, `_chooser`); the loop keeps the prefix that two prompts have in common,
asks between tokens whether it was cancelled, and never gives half a character. Whenever the loop is left, `_held` are
the tokens the model holds, so the next prompt may build on them.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence

from chatclone.engines.protocol import (
    Cancelled,
    EngineEvent,
    Piece,
    Reading,
    Sampling,
    StopMarker,
    Stopped,
    StoppedBy,
    TextStream,
)
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import ChatTemplate, Prompt

MAX_CONTEXT = 4096
"""Tokens kept for a chat where the model could take more: memory grows with it, and chats are short."""

CLOSE_SECONDS = 5.0
"""How long closing waits for a generation: one that runs stops within a part of a second, unless nobody takes it on."""

NO_ADAPTER = "this model has no adapter apart from it"


class LocalEngine(ABC):
    """An engine that holds its model in this process; the public part is `chatclone.engines.protocol.Engine`."""

    name: str
    remote = ""
    settings: tuple[str, ...] = ()
    read_batch: int
    """Tokens of a prompt computed at once."""

    def __init__(self, model: str, context: int, template: ChatTemplate) -> None:
        self.model = model
        self.context = context
        self.template = template
        self._held: list[int] = []
        self._turn = threading.Lock()
        self._closed = False

    def generate(self, prompt: Prompt, sampling: Sampling, cancelled: Cancelled) -> Iterator[EngineEvent]:
        """Continue `prompt`; a second generation before the first has ended is refused."""
        if len(prompt.ids) >= self.context:
            raise ChatcloneError(
                f"the prompt has {len(prompt.ids)} tokens and the model takes {self.context}", "send a shorter message"
            )
        self._check_open()
        if not self._turn.acquire(blocking=False):
            raise ChatcloneError("the model is still writing another reply", "wait for it, or stop it")

        def stop() -> bool:
            return self._closed or cancelled()

        try:
            if (yield from self._read(prompt.ids, stop)):
                yield from self._write(len(prompt.ids), sampling, stop)
            else:
                yield Stopped("cancelled")
        finally:
            self._turn.release()

    def set_strength(self, strength: float) -> None:
        """Refuse: this model has no adapter apart from it."""
        raise ChatcloneError(NO_ADAPTER, "chatclone export, then chat with --engine gguf")

    def close(self) -> None:
        """Free the model, after a generation in another thread has stopped; one that is left half-way stays stopped."""
        if not self._closed:
            self._closed = True
            self._turn.acquire(timeout=CLOSE_SECONDS)
            self._free()

    def _check_open(self) -> None:
        if self._closed:
            raise ChatcloneError("the model has been closed", "open the chat again")

    @abstractmethod
    def _free(self) -> None:
        """Free the model, which nothing uses any more."""

    @abstractmethod
    def _crop(self, length: int) -> int:
        """Forget all but the first `length` tokens held and return how many are left, which may be fewer."""

    @abstractmethod
    def _feed(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> bool:
        """Compute `ids` after the tokens held; False when `cancelled` said so and nothing of them is held."""

    @abstractmethod
    def _chooser(self, sampling: Sampling) -> Callable[[], int]:
        """Return what chooses the token after those held."""

    def _read(self, ids: Sequence[int], cancelled: Cancelled) -> Generator[Reading, None, bool]:
        """Compute what is not held yet of `ids`; return False when cancelled."""
        # The last token is always computed, since its logits are what the reply begins with.
        cached = self._keep(min(common_prefix(self._held, ids), len(ids) - 1))
        yield Reading(cached, len(ids), cached)
        for start in range(cached, len(ids), self.read_batch):
            batch = ids[start : start + self.read_batch]
            if cancelled() or not self._feed(batch, cancelled):
                return False
            self._held.extend(batch)
            yield Reading(start + len(batch), len(ids), cached)
        return True

    def _write(self, read: int, sampling: Sampling, cancelled: Cancelled) -> Iterator[Piece | Stopped]:
        """Write until the end of the turn, the length, the end of the context, or `cancelled`."""
        choose, ends = self._chooser(sampling), self.template.stop_ids
        stream, marker = TextStream(self.template.decode), StopMarker(self.template.stop_marker)
        token: int | None = None
        tokens = 0  # not yet given as text: a character may take several
        stopped_by: StoppedBy = "length"
        for _ in range(min(sampling.max_tokens, self.context - read)):
            if cancelled():
                stopped_by = "cancelled"
                break
            if token is not None:
                self._feed([token])
                self._held.append(token)
            token = choose()
            if token in ends:
                stopped_by = "end_of_turn"
                break
            tokens += 1
            if text := marker.push(stream.push(token)):
                yield Piece(text, tokens)
                tokens = 0
            if marker.seen:
                stopped_by = "stop_marker"
                break
        if rest := marker.push(stream.rest()) + marker.rest():
            yield Piece(rest, tokens)
        yield Stopped(stopped_by)

    def _keep(self, length: int) -> int:
        """Hold only the first `length` tokens, or fewer where the model cannot do that; return how many."""
        if length < len(self._held):
            del self._held[self._crop(length) :]
        return len(self._held)


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Return how many tokens both begin with."""
    for position, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return position
    return min(len(left), len(right))
