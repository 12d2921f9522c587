"""Our engine beside llama.cpp's own functions with nothing of ours between them, on the same file, threads and batch.

Both go on in turn, a batch or a token at a time, so that whatever else the machine does slows both alike; figures are
medians of ratios. On one thread the clock is the processor's, which stands still while other programs have it.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import llama_cpp

from chatclone.engines.hardware import READ_BATCH, SMALL_BYTES
from chatclone.engines.llama_cpp import LlamaEngine
from chatclone.engines.protocol import Reading, Sampling
from chatclone.gguf.model_file import GgufModel
from chatclone.prompt.render import Prompt

Clock = Callable[[], float]

Seconds = dict[str, float]
"""By part."""
PARTS = READING, WRITING = "reading", "writing"


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is measured: tokens of a prompt, tokens written, how often, and whole conversations."""

    read: int
    written: int
    rounds: int
    conversations: int

    @classmethod
    def of(cls, model: Path) -> "Amount":
        """Return what takes half a minute with a small model, and a minute or two with one of half a billion."""
        return cls(640, 96, 25, 5) if model.stat().st_size < SMALL_BYTES else cls(256, 32, 9, 1)


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

    def __init__(self, model: Path, threads: int, context: int) -> None:
        self._gguf = GgufModel(model)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = context, READ_BATCH, READ_BATCH
        params.n_threads = params.n_threads_batch = threads
        params.no_perf = True
        self._context = llama_cpp.llama_init_from_model(self._gguf.handle, params)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._sampler = llama_cpp.llama_sampler_init_greedy()

    def steps(self, ids: list[int], written: int) -> Iterator[str]:
        """Read a prompt from nothing, then write; each step that is done is called by its name."""
        llama_cpp.llama_memory_clear(self._memory, True)
        for start in range(0, len(ids), READ_BATCH):
            self._decode(ids[start : start + READ_BATCH])
            yield READING
        token = self._choose()
        yield WRITING
        for _ in range(written - 1):
            self._decode([token])
            token = self._choose()
            yield WRITING

    def close(self) -> None:
        """Free context and model."""
        llama_cpp.llama_sampler_free(self._sampler)
        llama_cpp.llama_free(self._context)
        self._gguf.close()

    def _choose(self) -> int:
        return int(llama_cpp.llama_sampler_sample(self._sampler, self._context, -1))

    def _decode(self, ids: list[int]) -> None:
        tokens = (llama_cpp.llama_token * len(ids))(*ids)
        if llama_cpp.llama_decode(self._context, llama_cpp.llama_batch_get_one(tokens, len(ids))):
            raise SystemExit("llama_decode failed")


def speed(model: Path, threads: int | None, amount: Amount) -> dict[str, Any]:
    """Return ours over the bare loop in tokens a second, for writing and for reading, and our own figures."""
    engine = LlamaEngine(model, threads=threads)
    # A stop at an end of turn would cut rounds short; the bare loop writes on as well.
    never_ending(engine)
    count = int(llama_cpp.llama_n_threads(engine._context))
    clock = clock_for(count)
    bare = BareLoop(model, count, engine.context)
    ids = prompt_ids(engine, amount.read)
    rounds: list[tuple[Seconds, Seconds]] = []
    try:
        for number in range(amount.rounds):
            # Another first token each round: nothing of the last prompt is cached.
            varied = [ids[0] + number + 1, *ids[1:]]
            rounds.append(in_turn(_steps(engine, varied, amount.written), bare.steps(varied, amount.written), clock))
    finally:
        bare.close()
        engine.close()
    ratios = {part: statistics.median(theirs[part] / ours[part] for ours, theirs in rounds) for part in PARTS}
    seconds = {part: statistics.median(ours[part] for ours, _ in rounds) for part in PARTS}
    return {
        "threads": count,
        "clock": "processor" if clock is time.process_time else "wall",
        **{f"{part}_ratio": ratios[part] for part in PARTS},
        "reading_tokens_per_second": amount.read / seconds[READING],
        "writing_tokens_per_second": amount.written / seconds[WRITING],
    }


def in_turn(one: Iterator[str], other: Iterator[str], clock: Clock) -> tuple[Seconds, Seconds]:
    """Let two go on step by step, each first every other time, and return the seconds each took for each part."""
    spent = {steps: dict.fromkeys(PARTS, 0.0) for steps in (one, other)}
    order = [one, other]
    while order:
        for steps in list(order):
            started = clock()
            part = next(steps, None)
            if part is None:
                order.remove(steps)
            else:
                spent[steps][part] += clock() - started
        order.reverse()
    return spent[one], spent[other]


def _steps(engine: LlamaEngine, ids: list[int], written: int) -> Iterator[str]:
    """Read `ids` and write as an engine does, and call each of its events by what was done for it."""
    sampling = Sampling(temperature=0.0, max_tokens=written)
    for event in engine.generate(Prompt((), "", tuple(ids)), sampling, lambda: False):
        yield READING if isinstance(event, Reading) else WRITING
