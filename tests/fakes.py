"""Stand-ins with a simple real behaviour: an engine that writes what it was given, and a memory that recalls it.

`FakeEngine` needs no model and no time; a held one writes only when a test releases it, so that a test can look at the
middle of a reply without waiting by the clock.
"""

import re
import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, cast

from chatclone.clone.clone import Clone
from chatclone.engines.protocol import Cancelled, EngineEvent, Piece, Reading, Sampling, Stopped
from chatclone.personas.persona import Persona
from chatclone.prompt.render import ChatTemplate, Prompt
from memory.passages import Line
from memory.search.recall import Hit, Recall
from memory.store.sync import Synced

if TYPE_CHECKING:
    from memory.memory import Memory

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MARKERS = ("<|im_start|>", "<|im_end|>")
FIRST_MARKER_ID = 256
"""Ids below are bytes; each of MARKERS has an id of its own from here on."""
CANCEL_POLL_SECONDS = 0.005
"""How often a held engine asks whether it was cancelled."""


def encode(text: str) -> list[int]:
    """Return the ids of `text`: one a UTF-8 byte, and one a marker."""
    ids: list[int] = []
    for part in re.split(f"({'|'.join(map(re.escape, MARKERS))})", text):
        ids += [FIRST_MARKER_ID + MARKERS.index(part)] if part in MARKERS else part.encode()
    return ids


def decode(ids: Sequence[int]) -> str:
    """Return the text of `ids`, markers left out."""
    return bytes(i for i in ids if i < FIRST_MARKER_ID).decode(errors="replace")


def chatml() -> ChatTemplate:
    """Return a ChatML template bound to a tokenizer of bytes."""
    end_of_turn = FIRST_MARKER_ID + MARKERS.index("<|im_end|>")
    return ChatTemplate(CHATML, encode, decode, stop_ids=frozenset({end_of_turn}), markers=MARKERS)


class FakeEngine:
    """Writes its replies one after another, piece by piece, and remembers the prompts it was asked with.

    An exception among the pieces is raised at that point. After the last reply it goes on with "ok". A held engine
    waits before every piece until `release` lets it write, or until it is cancelled.
    """

    name = "fake"
    remote = ""
    settings: tuple[str, ...] = ()

    def __init__(self, *replies: Sequence[str | Exception], hold: bool = False, context: int = 4096) -> None:
        self.model = "fake-model"
        self.context = context
        self.template = chatml()
        self.prompts: list[Prompt] = []
        self.samplings: list[Sampling] = []
        self.closed = False
        self.strength = 1.0
        self._replies = deque(replies)
        self._gate = threading.Semaphore(0) if hold else None

    def enqueue(self, *pieces: str | Exception) -> None:
        """Add a reply to the ones to come."""
        self._replies.append(pieces)

    def release(self, pieces: int = 1) -> None:
        """Let a held engine write the next `pieces`; the end of a reply needs no release."""
        assert self._gate is not None, "this engine is not held"
        self._gate.release(pieces)

    def generate(self, prompt: Prompt, sampling: Sampling, cancelled: Cancelled) -> Iterator[EngineEvent]:
        """Write the next reply."""
        self.prompts.append(prompt)
        self.samplings.append(sampling)
        yield Reading(len(prompt.ids), len(prompt.ids))
        for piece in self._replies.popleft() if self._replies else ("ok",):
            if self._cancelled_while_held(cancelled) or cancelled():
                yield Stopped("cancelled")
                return
            if isinstance(piece, Exception):
                raise piece
            yield Piece(piece)
        yield Stopped("end_of_turn")

    def set_strength(self, strength: float) -> None:
        """Note the strength."""
        self.strength = strength

    def close(self) -> None:
        """Note that the model was freed."""
        self.closed = True

    def _cancelled_while_held(self, cancelled: Cancelled) -> bool:
        while self._gate is not None and not self._gate.acquire(timeout=CANCEL_POLL_SECONDS):
            if cancelled():
                return True
        return False


class FakeMemory:
    """Recalls the same hits for every query, and remembers the queries."""

    def __init__(self, *hits: Hit) -> None:
        self.hits = hits
        self.queries: list[str] = []
        self.told: list[Line] = []

    def recall(
        self,
        query: str,
        *,
        words: int = 400,
        exclude: Collection[str] = (),
        before: int | None = None,
        asked: str | None = None,
        asker: str | None = None,
    ) -> Recall:
        """Return the hits, whatever is asked, unless there is no room for any word."""
        self.queries.append(query)
        return Recall(self.hits if words > 0 else (), words=sum(len(hit.text.split()) for hit in self.hits), ms=0.0)

    def sync(self, lines: Iterable[Line], kind: str = "said") -> Synced:
        """Note what is to be remembered."""
        return self.tell(lines, kind)

    def tell(self, lines: Iterable[Line], kind: str = "chat") -> Synced:
        """Note what is to be remembered."""
        new = [line for line in lines if line not in self.told]
        self.told += new
        return Synced(len(new), 0, 0)

    def notes_for(self, day: date) -> tuple[Hit, ...]:
        """Return no notes."""
        return ()

    def close(self) -> None:
        """Let go of nothing."""


def fake_clone(engine: FakeEngine, *hits: Hit, name: str = "Mira", partner: str = "Anna") -> Clone:
    """Return a clone that writes with `engine` and remembers `hits`; its persona has no folder on disk."""
    return Clone(Persona(Path("no-folder"), name), engine, cast("Memory", FakeMemory(*hits)), partner)
