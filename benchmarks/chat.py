"""What the engine costs over llama.cpp itself: writing, reading, the first token late in a chat, and stopping.

    python benchmarks/chat.py [--model FILE]... [--half-billion] [--json]

Each file is measured in one run, ours and the bare loop in turn, so that a busy machine slows both: the bare loop is
llama.cpp's own functions with nothing of ours between them, on the same file, threads and batch. Figures are medians of
ratios. Without --model the built-in starter is converted, as f16 and q8_0; --half-billion adds a randomly initialised
Qwen2.5-0.5B at q4_k_m, since speed does not need trained weights. llama-cpp-python's own high-level `Llama` stands
beside it.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llama_cpp

if __name__ == "__main__":  # else this script's own folder stands first, where `memory` is a benchmark
    sys.path[0] = str(Path(__file__).parents[1])

from chatclone.clone import Clone, Reply
from chatclone.engines.base import Reading, Sampling, Stopped
from chatclone.engines.gguf import GgufModel
from chatclone.engines.llama import READ_BATCH, LlamaEngine
from chatclone.export.base import base_gguf, convert
from chatclone.export.converter import scripts_folder
from chatclone.locations import home_directory, starter_model
from chatclone.persona import Persona
from chatclone.prompt import ChatMessage, Prompt
from memory.memory import Memory
from memory.passages import Line

ROUNDS = 7
WRITTEN = 96
"""Tokens written a round."""
READ = 640
"""Tokens of prompt read a round."""
TURNS = (2, 30)


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

    def read(self, ids: list[int]) -> float:
        """Compute a prompt from nothing and return the seconds it took."""
        llama_cpp.llama_memory_clear(self._memory, True)
        started = time.perf_counter()
        for start in range(0, len(ids), READ_BATCH):
            self._decode(ids[start : start + READ_BATCH])
        return time.perf_counter() - started

    def write(self, count: int) -> float:
        """Write `count` tokens after what was read and return the seconds it took."""
        started = time.perf_counter()
        for _ in range(count):
            self._decode([llama_cpp.llama_sampler_sample(self._sampler, self._context, -1)])
        return time.perf_counter() - started

    def close(self) -> None:
        """Free context and model."""
        llama_cpp.llama_sampler_free(self._sampler)
        llama_cpp.llama_free(self._context)
        self._gguf.close()

    def _decode(self, ids: list[int]) -> None:
        tokens = (llama_cpp.llama_token * len(ids))(*ids)
        if llama_cpp.llama_decode(self._context, llama_cpp.llama_batch_get_one(tokens, len(ids))):
            raise SystemExit("llama_decode failed")


def speed(model: Path) -> dict[str, float]:
    """Return ours over the bare loop in tokens a second, for writing and for reading, and the bare figures."""
    engine = LlamaEngine(model)
    # A stop at an end of turn would cut rounds short; the bare loop writes on as well.
    endless = _Endless(engine)
    threads = llama_cpp.llama_n_threads(engine._context)
    bare = BareLoop(model, threads, engine.context)
    ids = _prompt_ids(engine, READ)
    pairs: list[tuple[float, float, float, float]] = []
    try:
        for number in range(ROUNDS):
            # Another first token each round: nothing of the last prompt is cached.
            varied = [ids[0] + number + 1, *ids[1:]]
            read, write = endless.round(varied)
            pairs.append((bare.read(varied) / read, bare.write(WRITTEN) / write, read, write))
    finally:
        bare.close()
        engine.close()
    reading, writing, read_seconds, write_seconds = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {
        "threads": threads,
        "reading_ratio": reading,
        "writing_ratio": writing,
        "reading_tokens_per_second": READ / read_seconds,
        "writing_tokens_per_second": WRITTEN / write_seconds,
    }


class _Endless:
    """Times an engine's own events, with no token that ends a turn."""

    def __init__(self, engine: LlamaEngine) -> None:
        template = engine.template
        engine.template = type(template)(
            template.source, template.encode, template.decode, frozenset(), template.markers, template.variables
        )
        self._engine = engine

    def round(self, ids: list[int]) -> tuple[float, float]:
        """Read `ids`, write, and return both times in seconds."""
        sampling = Sampling(temperature=0.0, max_tokens=WRITTEN)
        started = time.perf_counter()
        read = 0.0
        for event in self._engine.generate(Prompt((), "", tuple(ids)), sampling, lambda: False):
            if isinstance(event, Reading) and event.done == event.total:
                read = time.perf_counter()
        return read - started, time.perf_counter() - read


def late_first_token(model: Path) -> dict[str, float]:
    """Return the time to the first token at turn 30 over that at turn 2, of one growing conversation with memory."""
    engine = LlamaEngine(model)
    file = Path(tempfile.mkdtemp()) / "memory.sqlite"
    memory = Memory.open(file)
    said = (f"thing {number} is by the door" for number in range(500))
    memory.sync(Line(f"x:{n}", "x", "Theo", "Mira", 1_700_000_000 + 90 * n, text) for n, text in enumerate(said))
    clone = Clone(Persona(Path("nowhere"), "Mira"), engine, memory, "Theo", Sampling(temperature=0.0, max_tokens=12))
    firsts: dict[int, list[float]] = {turn: [] for turn in TURNS}
    cached: dict[int, int] = {}
    try:
        for number in range(3):
            turns: list[ChatMessage] = []
            for turn in range(1, max(TURNS) + 1):
                turns.append(ChatMessage("user", f"and what about thing {turn} of {number}?"))
                *_, reply = clone.reply(turns)
                assert isinstance(reply, Reply)
                turns.append(ChatMessage("assistant", reply.text or "ok"))
                if turn in TURNS:
                    firsts[turn].append(reply.first_token_ms)
                    cached[turn] = reply.cached_tokens
    finally:
        clone.close()
        shutil.rmtree(file.parent)
    early, late = (statistics.median(firsts[turn]) for turn in TURNS)
    return {"first_token_ratio": late / early, "cached_tokens_turn_30": cached[TURNS[1]], "first_token_ms": late}


def stop_delay(model: Path) -> dict[str, float]:
    """Return the worst time in milliseconds from asking to stop until the engine has stopped, while it reads."""
    engine = LlamaEngine(model)
    ids = _prompt_ids(engine, min(READ * 4, engine.context - 64))
    delays = []
    try:
        for number in range(5):
            asked = threading.Event()
            moment: list[float] = []
            timer = threading.Timer(0.01 + 0.03 * number, _ask, (asked, moment))
            timer.start()
            prompt = Prompt((), "", (ids[0] + number + 1, *ids[1:]))
            events = list(engine.generate(prompt, Sampling(), asked.is_set))
            if events[-1] == Stopped("cancelled"):
                delays.append(1000 * (time.perf_counter() - moment[0]))
            timer.cancel()
    finally:
        engine.close()
    return {"stops": len(delays), "worst_stop_ms": max(delays, default=0.0)}


def _ask(asked: threading.Event, moment: list[float]) -> None:
    moment.append(time.perf_counter())
    asked.set()


def high_level(model: Path, threads: int) -> dict[str, float]:
    """Return the writing speed of llama-cpp-python's own `Llama`, in tokens a second."""
    llama = llama_cpp.Llama(str(model), n_ctx=1024, n_threads=threads, n_threads_batch=threads, verbose=False)
    ids = llama.tokenize(b"hey what are you up to", add_bos=False)
    speeds = []
    for _ in range(3):
        llama.reset()
        stream: Iterator[int] = llama.generate(ids, temp=0.0, repeat_penalty=1.0)
        next(stream)
        started = time.perf_counter()
        for _ in range(WRITTEN):
            next(stream)
        speeds.append(WRITTEN / (time.perf_counter() - started))
    llama.close()
    return {"llama_cpp_python_writing_tokens_per_second": statistics.median(speeds)}


def half_billion(folder: Path) -> Path:
    """Make a randomly initialised Qwen2.5-0.5B, its vocabulary filled up after the starter's, and quantise it."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config

    config = Qwen2Config(
        vocab_size=151_936, hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14,
        num_key_value_heads=2, max_position_embeddings=4096, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    base = folder / "base"
    tokenizer = AutoTokenizer.from_pretrained(starter_model(), local_files_only=True)
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(base)
    tokenizer.save_pretrained(base)
    target = folder / "random-0.5b-q4_k_m.gguf"
    convert(base, target, "q4_k_m", scripts_folder(home_directory()), "random-0.5b")
    return target


def _prompt_ids(engine: LlamaEngine, count: int) -> list[int]:
    text = "and then we talked about the sea, the cat and what to have for dinner. "
    return (engine.template.encode(text) * count)[:count]


def measure(model: Path) -> dict[str, Any]:
    """Measure one file."""
    result: dict[str, Any] = {"file": model.name, "megabytes": model.stat().st_size / 1e6, **speed(model)}
    parts: tuple[Callable[[], dict[str, float]], ...] = (
        lambda: late_first_token(model),
        lambda: stop_delay(model),
        lambda: high_level(model, int(result["threads"])),
    )
    for part in parts:
        result |= part()
    return result


def table(rows: list[dict[str, Any]]) -> str:
    """Return the figures as a Markdown table, a file a column."""
    names = [key for key in rows[0] if key != "file"]
    lines = [f"| | {' | '.join(row['file'] for row in rows)} |", f"|---|{'---|' * len(rows)}"]
    lines += [f"| {name.replace('_', ' ')} | {' | '.join(f'{row[name]:,.3g}' for row in rows)} |" for name in names]
    return "\n".join(lines)


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append", default=[])
    parser.add_argument("--half-billion", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = list(args.model)
        if not models:
            home, base = home_directory(), starter_model()
            for quant in ("f16", "q8_0"):
                scripts = scripts_folder(home)
                models.append(
                    base_gguf(base, "starter", quant, home, scripts, lambda text: print(text, file=sys.stderr))
                )
        if args.half_billion:
            models.append(half_billion(Path(folder)))
        rows = [measure(model) for model in models]
    print(json.dumps(rows, indent=1) if args.json else table(rows))


if __name__ == "__main__":
    main()
