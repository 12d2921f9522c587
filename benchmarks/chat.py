"""What the engine costs over llama.cpp itself: writing, reading, the first token late in a chat, and stopping.

    python benchmarks/chat.py [--model FILE]... [--half-billion] [--threads N] [--server PYTHON] [--json]

Without --model the built-in starter is converted, as f16 and q8_0; --half-billion adds a randomly initialized
Qwen2.5-0.5B at q4_k_m, since speed does not need trained weights. llama-cpp-python's own high-level `Llama` stands
beside it, and with --server its server, run by a Python that has `llama_cpp.server` with its packages. llama.cpp's own
llama-server is not in the package.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp

if __name__ == "__main__":  # else this script's own folder stands first, where `memory` is a benchmark
    sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.bare_loop import Amount, Clock, clock_for, never_ending, prompt_ids, speed
from benchmarks.llama_cpp_server import served
from chatclone.clone.clone import Clone
from chatclone.engines.llama_cpp import LlamaEngine
from chatclone.engines.protocol import Reading, Sampling, Stopped
from chatclone.export.base_gguf import base_gguf
from chatclone.export.converter import scripts_folder
from chatclone.ingest.import_run import Request, ingest
from chatclone.paths import demo_export, home_directory, starter_model
from chatclone.prompt.render import ChatMessage, Prompt
from memory.memory import Memory

LATE = range(28, 33)
"""Turns that are measured as turn 30: where old turns go it is dearer, so one alone would be luck."""
ASKED = "what's your cat called?"
SAID = "no idea, we should ask the others about that"


def late_first_token(model: Path, threads: int, rounds: int) -> dict[str, float]:
    """Return the time to the first token at turns 28 to 32 over that at turn 2, memory recalling the same for each.

    From the question on: recall, prompt and reading. The turns between are written down, not generated.
    """
    with tempfile.TemporaryDirectory() as home:
        persona = ingest(Request([demo_export()]), Path(home)).persona
        assert persona is not None
        clone = Clone(persona, LlamaEngine(model, threads=threads), Memory.open(persona.memory_file), "Theo")
        clone.sampling = Sampling(temperature=0.0, max_tokens=160)
        try:
            conversations = [_conversation(clone, number, clock_for(threads)) for number in range(rounds)]
        finally:
            clone.close()
    ratios = [statistics.median(ms for ms, _ in late) / early[0] for early, late in conversations]
    early, late = conversations[-1]
    return {
        "first_token_ratio": statistics.median(ratios),
        "first_token_ratio_worst_turn": max(ms / early[0] for early, late in conversations for ms, _ in late),
        "tokens_read_turn_2": early[1],
        "tokens_read_turn_30": statistics.median(tokens for _, tokens in late),
        "tokens_read_worst_turn": max(tokens for _, tokens in late),
        "first_token_ms": statistics.median(ms for ms, _ in late),
    }


def _conversation(clone: Clone, number: int, clock: Clock) -> tuple[tuple[float, int], list[tuple[float, int]]]:
    """Return milliseconds to the first token and tokens read, of turn 2 and of each late turn."""
    turns: list[ChatMessage] = []

    def ask(text: str) -> tuple[float, int]:
        turns.append(ChatMessage("user", text))
        started, read = clock(), 0
        for event in clone.reply(turns):
            if isinstance(event, Reading) and event.done == event.total:
                # The first token is chosen now; what a random model writes may be no whole character for long.
                read = event.total - event.cached
                break
        turns.append(ChatMessage("assistant", SAID))
        return 1000 * (clock() - started), read

    ask(f"hey {number} what are you up to")
    early = ask(ASKED)
    while len(turns) < 2 * (LATE[0] - 2):
        turns.extend((ChatMessage("user", f"and then, the {len(turns)}th time?"), ChatMessage("assistant", SAID)))
    ask(ASKED)
    return early, [ask(ASKED) for _ in LATE]


def stop_delay(model: Path, threads: int) -> dict[str, float]:
    """Return the worst time in milliseconds from asking to stop until the engine has, while it reads and writes."""
    engine = LlamaEngine(model, threads=threads)
    never_ending(engine)
    clock = clock_for(threads)
    reading = prompt_ids(engine, min(2048, engine.context - 64))
    try:
        delays = {
            "reading": [_stopped(engine, [reading[0] + n, *reading[1:]], 0.01 + 0.03 * n, clock) for n in range(5)],
            "writing": [_stopped(engine, reading[:8], 0.2 + 0.01 * n, clock) for n in range(5)],
        }
    finally:
        engine.close()
    return {f"worst_stop_ms_{what}": max(every) for what, every in delays.items()}


def _stopped(engine: LlamaEngine, ids: list[int], after: float, clock: Clock) -> float:
    """Ask to stop after some seconds, and return how many milliseconds that took; 0 where nothing was left to stop."""
    asked = threading.Event()
    moment: list[float] = []

    def ask() -> None:
        moment.append(clock())
        asked.set()

    timer = threading.Timer(after, ask)
    timer.start()
    events = list(engine.generate(Prompt((), "", tuple(ids)), Sampling(max_tokens=4000), asked.is_set))
    ended = clock()
    timer.cancel()
    return 1000 * (ended - moment[0]) if events[-1] == Stopped("cancelled") else 0.0


def high_level(model: Path, threads: int, written: int) -> dict[str, float]:
    """Return the writing speed of llama-cpp-python's own `Llama`, in tokens a second."""
    llama = llama_cpp.Llama(str(model), n_ctx=1024, n_threads=threads, n_threads_batch=threads, verbose=False)
    ids = llama.tokenize(b"hey what are you up to", add_bos=False)
    speeds = []
    for _ in range(3):
        llama.reset()
        stream: Iterator[int] = llama.generate(ids, temp=0.0, repeat_penalty=1.0)
        next(stream)
        started = time.perf_counter()
        for _ in range(written):
            next(stream)
        speeds.append(written / (time.perf_counter() - started))
    llama.close()
    return {"llama_cpp_python_writing_tokens_per_second": statistics.median(speeds)}


def measure(model: Path, server: str, wanted: int | None) -> dict[str, Any]:
    """Measure one file."""
    amount = Amount.of(model)
    result: dict[str, Any] = {"file": model.name, "megabytes": model.stat().st_size / 1e6}
    result |= speed(model, wanted, amount)
    threads = int(result["threads"])
    result |= late_first_token(model, threads, amount.conversations)
    result |= stop_delay(model, threads)
    result |= high_level(model, threads, amount.written)
    return result | (served(server, model, threads, amount.read, amount.written) if server else {})


def table(rows: list[dict[str, Any]]) -> str:
    """Return the figures as a Markdown table, a file a column."""
    names = [key for key in rows[0] if key != "file"]
    lines = [f"| | {' | '.join(row['file'] for row in rows)} |", f"|---|{'---|' * len(rows)}"]
    lines += [f"| {name.replace('_', ' ')} | {' | '.join(_cell(row[name]) for row in rows)} |" for name in names]
    return "\n".join(lines)


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.3g}"


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append", default=[])
    parser.add_argument("--half-billion", action="store_true")
    parser.add_argument("--server", default="", metavar="PYTHON", help="an interpreter that has llama_cpp.server")
    parser.add_argument("--threads", type=int, metavar="N", help="instead of as many as the engine chooses")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = list(args.model)
        if not models:
            home, base = home_directory(), starter_model()
            for quant in ("f16", "q8_0"):
                scripts = scripts_folder(home)
                models.append(base_gguf(base, "starter", quant, home, scripts, _tell))
        if args.half_billion:
            from benchmarks.half_billion import half_billion  # it brings torch

            models.append(half_billion(Path(folder)))
        rows = [measure(model, args.server, args.threads) for model in models]
    print(json.dumps(rows, indent=1) if args.json else table(rows))


if __name__ == "__main__":
    main()
