"""Speed of llama-cpp-python's own server on the same file and threads, measured over HTTP."""

import contextlib
import json
import socket
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

CONTEXT = 1024
START_SECONDS = 120.0
ROUNDS = 3


def served(python: str, model: Path, threads: int, read: int, written: int) -> dict[str, float]:
    """Return the server's median reading and writing speed in tokens a second; `python` is its interpreter."""
    with _started(python, model, threads) as url:
        reading, writing = zip(*(_round(url, number, read, written) for number in range(ROUNDS)), strict=True)
    return {
        "llama_cpp_server_reading_tokens_per_second": statistics.median(reading),
        "llama_cpp_server_writing_tokens_per_second": statistics.median(writing),
    }


def _round(url: str, number: int, read: int, written: int) -> tuple[float, float]:
    """Return the speed of reading a new prompt, and of writing many tokens after it."""
    text = f"{number} " + "and then we talked about the sea, the cat and what to have for dinner. " * (read // 16)
    first, prompt, _ = _complete(url, text, 1)
    again, _, _ = _complete(url, text, 1)  # all of it is cached: the cost of a request itself
    both, _, count = _complete(url, text, written)
    return prompt / (first - again), (count - 1) / (both - again)


def _complete(url: str, text: str, tokens: int) -> tuple[float, int, int]:
    """Return the seconds of a request, and its tokens read and written."""
    fields = {
        "prompt": text,
        "max_tokens": tokens,
        "temperature": 0.0,
        "repeat_penalty": 1.0,
        "logit_bias": {"2": -100},
    }
    request = urllib.request.Request(
        f"{url}/v1/completions", json.dumps(fields).encode(), {"Content-Type": "application/json"}
    )
    started = time.perf_counter()
    with urllib.request.urlopen(request) as answer:
        usage = json.load(answer)["usage"]
    return time.perf_counter() - started, usage["prompt_tokens"], usage["completion_tokens"]


@contextlib.contextmanager
def _started(python: str, model: Path, threads: int) -> Iterator[str]:
    """Run the server on a free port until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {"model": model, "port": port, "n_ctx": CONTEXT, "n_threads": threads, "n_threads_batch": threads}
    command = [python, "-m", "llama_cpp.server", *(f"--{name}={value}" for name, value in options.items())]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process)
            yield url
        finally:
            process.terminate()


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"{url}/v1/models").close()
            return
        time.sleep(0.2)
    raise SystemExit("llama_cpp.server did not start: does that Python have its packages (llama-cpp-python[server])?")
