"""Where memory, prompt and engine meet: one reply of the clone, as a stream of events.

The app, the plain chat, the server, the quiz and the evaluation all call `Clone.reply`; none of them talks to an
engine on its own.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from chatclone.engines.choose import EngineKind, open_engine
from chatclone.engines.endpoint import RemoteModel
from chatclone.engines.protocol import Cancelled, Engine, Piece, Reading, Sampling, StoppedBy
from chatclone.gguf.load_progress import Loading, keep_loading
from chatclone.personas.persona import Persona
from chatclone.prompt.context_window import TOKENS_A_WORD, Window, window
from chatclone.prompt.memory_block import memory_block, with_memory
from chatclone.prompt.render import ChatMessage, Prompt
from chatclone.recall.persona_memory import open_memory
from chatclone.recall.visibility import everything
from memory.memory import Memory
from memory.search.recall import Hit

MEMORY_WORDS = 400
"""The most words of recalled memory in a prompt; a small context gives a word for every `CONTEXT_A_WORD` tokens."""
CONTEXT_A_WORD = 5
RECALLS = 3
"""Tries at recalling no more than there is room for, each with fewer words: how many tokens a word takes differs."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What memory gave to this reply, best first; empty when nothing fits."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply, and how it came about; the first token is counted from the question on, recall included."""

    text: str
    stopped_by: StoppedBy
    memory: tuple[Hit, ...] = ()
    prompt_tokens: int = 0
    cached_tokens: int = 0
    reply_tokens: int = 0
    first_token_ms: float = 0.0
    tokens_per_second: float = 0.0

    @property
    def bubbles(self) -> list[str]:
        """The lines of the reply, as the person would have sent them one by one."""
        return [line for line in self.text.split("\n") if line.strip()]


ReplyEvent = Recalled | Reading | Piece | Reply


@dataclass
class Clone:
    """A persona that answers: `engine` writes, `memory` (None: off) reminds, `partner` is whom it talks to."""

    persona: Persona
    engine: Engine
    memory: Memory | None = None
    partner: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    may_tell: Callable[[Hit], bool] = everything
    """Which of what memory finds may be told to the partner."""

    def reply(
        self,
        turns: Sequence[ChatMessage],
        *,
        cancelled: Cancelled = lambda: False,
        seed: int | None = None,
    ) -> Iterator[ReplyEvent]:
        """Answer a conversation that ends with a user turn; the last event is the whole `Reply`."""
        started = time.perf_counter()
        sampling = self.sampling if seed is None else replace(self.sampling, seed=seed)
        hits = self._recall(self._window(turns))
        yield Recalled(hits)
        yield from self._write(self.prompt(turns, hits), hits, sampling, cancelled, started)

    def prompt(self, turns: Sequence[ChatMessage], hits: Sequence[Hit] = ()) -> Prompt:
        """Return the prompt for a reply: system turn, the conversation that fits, recalled lines in the last turn."""
        messages = with_memory([self._system, *self._window(turns).turns], _lines(hits))
        return self.engine.template.prompt(messages, self._limit)

    def close(self) -> None:
        """Free the model and let go of the memory's file."""
        self.engine.close()
        if self.memory is not None:
            self.memory.close()

    @property
    def _system(self) -> ChatMessage:
        return ChatMessage("system", self.persona.system_prompt(self.partner))

    @property
    def _limit(self) -> int:
        return self.engine.context - self.sampling.max_tokens

    @property
    def _memory_words(self) -> int:
        return 0 if self.memory is None else min(MEMORY_WORDS, self.engine.context // CONTEXT_A_WORD)

    def _window(self, turns: Sequence[ChatMessage]) -> Window:
        return window(self.engine.template, self._system, turns, self._limit, self._memory_words)

    def _recall(self, seen: Window) -> tuple[Hit, ...]:
        """Return what memory has on the last turn, in no more tokens than there is room for."""
        if self.memory is None or not seen.turns:
            return ()
        words = min(self._memory_words, seen.memory_tokens // TOKENS_A_WORD)
        said = [line for turn in seen.turns for line in turn.content.split("\n")]
        for _ in range(RECALLS):
            question, me, you = seen.turns[-1].content, self.persona.name, self.partner or None
            hits = self.memory.recall(question, words=words, exclude=said, asked=me, asker=you).hits
            hits = tuple(hit for hit in hits if self.may_tell(hit))
            tokens = self._memory_tokens(hits)
            if tokens <= seen.memory_tokens:
                return hits
            words = words * seen.memory_tokens // (tokens + 1)
        while hits and self._memory_tokens(hits) > seen.memory_tokens:
            hits = hits[:-1]
        return hits

    def _memory_tokens(self, hits: Sequence[Hit]) -> int:
        return len(self.engine.template.encode(memory_block(_lines(hits)) + "\n")) if hits else 0

    def _write(
        self,
        prompt: Prompt,
        hits: tuple[Hit, ...],
        sampling: Sampling,
        cancelled: Cancelled,
        started: float,
    ) -> Iterator[ReplyEvent]:
        first: float | None = None
        parts: list[str] = []
        tokens = cached = 0
        stopped_by: StoppedBy = "cancelled"
        for event in self.engine.generate(prompt, sampling, cancelled):
            match event:
                case Piece(text, count):
                    first = first if first is not None else time.perf_counter()
                    tokens += count
                    parts.append(text)
                    yield event
                case Reading(cached=seen):
                    cached = seen
                    yield event
                case _:
                    stopped_by = event.by
        ended = time.perf_counter()
        writing = ended - (first or ended)
        yield Reply(
            text="".join(parts).strip(),
            stopped_by=stopped_by,
            memory=hits,
            prompt_tokens=len(prompt.ids),
            cached_tokens=cached,
            reply_tokens=tokens,
            first_token_ms=1000 * ((first or ended) - started),
            tokens_per_second=(tokens - 1) / writing if tokens > 1 and writing > 0 else 0.0,
        )


def _lines(hits: Sequence[Hit]) -> list[str]:
    """Return the recalled lines, oldest first."""
    return [line for hit in sorted(hits, key=lambda hit: hit.when) for line in hit.text.split("\n")]


def hit_document(hit: Hit) -> dict[str, Any]:
    """Return a recalled passage as the JSON documents show it, its time by the clock where it was written."""
    when = datetime.fromtimestamp(hit.when, timezone(timedelta(seconds=hit.offset))).isoformat(timespec="seconds")
    return {
        "id": hit.id,
        "when": when,
        "who": hit.who,
        "text": hit.text,
        "score": round(hit.score, 4),
        "chat": hit.chat,
    }


def open_clone(
    persona: Persona,
    home: Path,
    *,
    engine: EngineKind = "auto",
    model: Path | None = None,
    remote: RemoteModel | None = None,
    use_memory: bool = True,
    partner: str | None = None,
    loading: Loading = keep_loading,
) -> tuple[Clone, str]:
    """Load what a chat with `persona` needs and return the clone, and why this engine; memory is there unless off."""
    loaded, reason = open_engine(persona, engine, model=model, remote=remote, home=home, loading=loading)
    memory = open_memory(persona) if use_memory and persona.memory_file.exists() else None
    who = partner if partner is not None else next(iter(persona.partners), "")
    return Clone(persona, loaded, memory, who, persona.sampling), reason
