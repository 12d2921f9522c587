"""The generation loop of all local engines: read the new part of the prompt, then write token by token.

An engine implements four steps (`_crop`, `_feed`, `_chooser`, `_free`). The loop reuses the prefix that two prompts
have in common, checks for cancellation between tokens, and yields whole characters only. `_held` are always the tokens
in the model's cache, whenever the loop is left.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence

from chatclone.engines.marker_watch import StopMarker
from chatclone.engines.protocol import Cancelled, EngineEvent, Piece, Reading, Sampling, Stopped, StoppedBy
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import ChatTemplate, Prompt

MAX_CONTEXT = 4096
"""Tokens of context at most, even where the model could take more: memory grows with it, and chats are short."""

CLOSE_SECONDS = 5.0
"""How long closing waits for a running generation, which stops within a fraction of a second."""


class LocalEngine(ABC):
    """An engine with its model in this process; the public interface is `chatclone.engines.protocol.Engine`."""

    name: str
    remote = ""
    settings: tuple[str, ...] = ()
    read_batch: int
    """Prompt tokens computed at once."""

    def __init__(self, model: str, context: int, template: ChatTemplate) -> None:
        self.model = model
        self.context = context
        self.template = template
        self._held: list[int] = []
        self._busy = threading.Lock()
        self._closed = False

    def generate(self, prompt: Prompt, sampling: Sampling, cancelled: Cancelled) -> Iterator[EngineEvent]:
        """Continue `prompt`; a second generation before the first has ended is a ChatcloneError."""
        if len(prompt.ids) >= self.context:
            raise ChatcloneError(
                "the prompt has {tokens} tokens and the model takes {context}",
                "send a shorter message",
                tokens=len(prompt.ids),
                context=self.context,
            )
        self._check_open()
        if not self._busy.acquire(blocking=False):
            raise ChatcloneError("the model is still writing another reply", "wait for it, or stop it")

        def stop() -> bool:
            return self._closed or cancelled()

        try:
            if (yield from self._read(prompt.ids, stop)):
                yield from self._write(len(prompt.ids), sampling, stop)
            else:
                yield Stopped("cancelled")
        finally:
            self._busy.release()

    def set_strength(self, strength: float) -> None:
        """Refuse: only an engine with a separate adapter can scale it."""
        raise ChatcloneError("the adapter is merged into this model", "chatclone export, then chat with --engine gguf")

    def close(self) -> None:
        """Free the model once a generation in another thread has stopped."""
        if not self._closed:
            self._closed = True
            self._busy.acquire(timeout=CLOSE_SECONDS)
            self._free()

    def _check_open(self) -> None:
        if self._closed:
            raise ChatcloneError("the model has been closed", "open the chat again")

    @abstractmethod
    def _free(self) -> None:
        """Free the model; nothing uses it any more."""

    @abstractmethod
    def _crop(self, length: int) -> int:
        """Remove all but the first `length` tokens from the cache and return how many are left, perhaps fewer."""

    @abstractmethod
    def _feed(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> bool:
        """Compute `ids` after the cached tokens; False when cancelled, and then none of them is cached."""

    @abstractmethod
    def _chooser(self, sampling: Sampling) -> Callable[[], int]:
        """Return a function that chooses the token after the cached ones."""

    def _read(self, ids: Sequence[int], cancelled: Cancelled) -> Generator[Reading, None, bool]:
        """Compute the part of `ids` that is not cached; return False when cancelled."""
        # The last token is always computed: its logits choose the first token of the reply.
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
        """Write until the end of the turn, the length limit, the end of the context, or `cancelled`."""
        choose, ends = self._chooser(sampling), self.template.stop_ids
        stream, marker = TextStream(self.template.decode), StopMarker(self.template.stop_marker)
        token: int | None = None
        tokens = 0  # since the last piece: a character may take several
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
        """Keep at most the first `length` cached tokens; return how many are left."""
        if length < len(self._held):
            del self._held[self._crop(length) :]
        return len(self._held)


class TextStream:
    """Turns a growing list of token ids into text that never ends within a character.

    The tokens of the text returned last are decoded again with the new ones, not the whole reply: a tokenizer may
    write a token differently at the start of a text, as SentencePiece leaves out its space there.
    """

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._old_ids = 0
        """How many of `_ids` belong to text that was returned; `_old_length` is its length in characters."""
        self._old_length = 0

    def push(self, token: int) -> str:
        """Add a token and return the text that is now certain, which may be empty."""
        self._ids.append(token)
        text = self._decode(self._ids)
        if len(text) <= self._old_length or text[-1] == "\ufffd":
            return ""
        new = text[self._old_length :]
        del self._ids[: self._old_ids]
        self._old_ids, self._old_length = len(self._ids), len(self._decode(self._ids))
        return new

    def rest(self) -> str:
        """Return what is left when no more tokens come, without an unfinished character."""
        return self._decode(self._ids).rstrip("\ufffd")[self._old_length :]


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Return how many tokens both begin with."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(left), len(right)))
