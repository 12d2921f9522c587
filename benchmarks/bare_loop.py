"""Our engine beside llama.cpp's own functions with nothing of ours between them, on the same file, threads and batch.

Both are measured in one run, in turn, so that a busy machine slows both; figures are medians of ratios. On one thread
the clock is the processor's, which stands still while other programs have it.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import llama_cpp

from chatclone.engines.base import Reading, Sampling
from chatclone.engines.gguf import GgufModel
from chatclone.engines.llama import LlamaEngine
from chatclone.engines.machine import READ_BATCH, SMALL_BYTES
from chatclone.prompt import Prompt

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is measured: tokens of a prompt, tokens written, how often, and whole conversations."""

    read: int
    written: int
    rounds: int
    conversations: int

    @classmethod
    def of(cls, model: Path) -> "Amount":
        """Return what takes some seconds with a small model, and a minute or two with one of half a billion."""
        return cls(640, 96, 9, 5) if model.stat().st_size < SMALL_BYTES else cls(256, 32, 5, 1)


def clock_for(threads: int) -> Clock:
    """Return the processor's clock for one thread; several wait for each other in loops, which it would count."""
    return time.process_time if threads == 1 else time.perf_counter


def never_ending(engine: LlamaEngine) -> None:
    """Leave no token that ends a turn, so that a reply goes on to its length."""
    engine.template = replace(engine.template, stop_ids=frozenset())


def prompt_ids(engine: LlamaEngine, count: int) -> list[int]:
    """Return so many tokens of a plain text."""
    text = "and then we talked about the sea, the cat and what to have for dinner. "
    return (engine.template.encode(text) * count)[:count]


class BareLoop:
    """llama.cpp's functions called directly: decode, sample, decode; no text, no events, no cache bookkeeping."""

    def __init__(self, model: Path, threads: int, context: int, clock: Clock) -> None:
        self._clock = clock
        self._gguf = GgufModel(model)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = context, READ_BATCH, READ_BATCH
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        self._context = llama_cpp.llama_init_from_model(self._gguf.handle, params)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._sampler = llama_cpp.llama_sampler_init_greedy()

    def read(self, ids: list[int]) -> float:
        """Compute a prompt from nothing and return the seconds it took."""
        llama_cpp.llama_memory_clear(self._memory, True)
        started = self._clock()
        for start in range(0, len(ids), READ_BATCH):
            self._decode(ids[start : start + READ_BATCH])
        return self._clock() - started

    def write(self, count: int) -> float:
        """Write `count` tokens after what was read and return the seconds it took."""
        started = self._clock()
        for _ in range(count):
            self._decode([llama_cpp.llama_sampler_sample(self._sampler, self._context, -1)])
        return self._clock() - started

    def round(self, ids: list[int], written: int) -> tuple[float, float]:
        """Read and write as an engine does, and return both times in seconds."""
        return self.read(ids), self.write(written)

    def close(self) -> None:
        """Free context and model."""
        llama_cpp.llama_sampler_free(self._sampler)
        llama_cpp.llama_free(self._context)
        self._gguf.close()

    def _decode(self, ids: list[int]) -> None:
        tokens = (llama_cpp.llama_token * len(ids))(*ids)
        if llama_cpp.llama_decode(self._context, llama_cpp.llama_batch_get_one(tokens, len(ids))):
            raise SystemExit("llama_decode failed")


def speed(model: Path, threads: int | None, amount: Amount) -> dict[str, Any]:
    """Return ours over the bare loop in tokens a second, for writing and for reading, and our own figures."""
    engine = LlamaEngine(model, threads=threads)
    count = int(llama_cpp.llama_n_threads(engine._context))
    clock = clock_for(count)
    # A stop at an end of turn would cut rounds short; the bare loop writes on as well.
    ours, bare = _Endless(engine, clock), BareLoop(model, count, engine.context, clock)
    ids = prompt_ids(engine, amount.read)
    pairs: list[tuple[float, float, float, float]] = []
    try:
        for number in range(amount.rounds):
            # Another first token each round: nothing of the last prompt is cached. Each goes first in turn.
            varied = [ids[0] + number + 1, *ids[1:]]
            timed = {one: one.round(varied, amount.written) for one in ((ours, bare), (bare, ours))[number % 2]}
            (read, write), (bare_read, bare_write) = timed[ours], timed[bare]
            pairs.append((bare_read / read, bare_write / write, read, write))
    finally:
        bare.close()
        engine.close()
    reading, writing, read_seconds, write_seconds = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {
        "threads": count,
        "clock": "processor" if clock is time.process_time else "wall",
        "reading_ratio": reading,
        "writing_ratio": writing,
        "reading_tokens_per_second": amount.read / read_seconds,
        "writing_tokens_per_second": amount.written / write_seconds,
    }


class _Endless:
    """Times an engine's own events, with no token that ends a turn."""

    def __init__(self, engine: LlamaEngine, clock: Clock) -> None:
        self._clock = clock
        never_ending(engine)
        self._engine = engine

    def round(self, ids: list[int], written: int) -> tuple[float, float]:
        """Read `ids`, write, and return both times in seconds."""
        sampling = Sampling(temperature=0.0, max_tokens=written)
        started = self._clock()
        read = 0.0
        for event in self._engine.generate(Prompt((), "", tuple(ids)), sampling, lambda: False):
            if isinstance(event, Reading) and event.done == event.total:
                read = self._clock()
        return read - started, self._clock() - read
