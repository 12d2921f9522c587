"""An embedder in a process of its own, so that torch and FAISS never meet and a screen never waits for an import.

torch and FAISS each bring an OpenMP runtime: on macOS two of them in one process end it ("OMP: Error #15"), elsewhere
they fight over the cores. Importing torch also holds Python's lock for seconds. The child lives as long as its stdin,
so it never outlives its parent. Messages are a length and that many bytes: JSON, then vectors as float32.
"""

import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from memory.embedding.embedder import EmbedderError, Identity, SentenceTransformerEmbedder

if TYPE_CHECKING:
    from memory.embedding.embedder import Vectors

_LENGTH = struct.Struct("<Q")
_LONGEST = 1 << 30
NICENESS = 10
"""How far the child steps back when it works in the background."""


class EmbedderProcess:
    """The model in `folder`, run by a child that starts when it is first needed; threads take turns.

    In the background it computes on one thread at low priority: whoever is writing a reply comes first.
    """

    def __init__(self, folder: Path, name: str = "", *, background: bool = False) -> None:
        self._folder, self._name, self._background = folder, name or folder.name, background
        self._child: subprocess.Popen[bytes] | None = None
        self._identity: Identity | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def identity(self) -> Identity:
        """What the child's vectors are."""
        with self._lock:
            if self._identity is None:
                answer, _ = self._ask({"do": "identity"})
                self._identity = Identity(**answer)
            return self._identity

    def embed_query(self, text: str) -> "Vectors":
        """Return the vector of a question."""
        vector: Vectors = self._embed("query", [text])[0]
        return vector

    def embed_passages(self, texts: Sequence[str]) -> "Vectors":
        """Return the vectors of passages."""
        return self._embed("passages", list(texts))

    def close(self) -> None:
        """End the child; one that is computing is killed."""
        self._closed = True
        child = self._child
        if child is not None and child.poll() is None:
            child.kill()
        with self._lock:
            self._reap()

    def _embed(self, what: str, texts: Sequence[str]) -> "Vectors":
        import numpy as np

        with self._lock:
            answer, raw = self._ask({"do": what, "texts": texts})
        return np.frombuffer(raw, np.float32).reshape(answer["shape"])

    def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        if self._closed:
            raise EmbedderError("the embedder was closed")
        child = self._child or self._start()
        assert child.stdin is not None and child.stdout is not None
        try:
            _send(child.stdin, json.dumps(request).encode())
            answer: dict[str, Any] = json.loads(_receive(child.stdout))
            if "error" not in answer:
                return answer, _receive(child.stdout)
            reason = answer["error"]
        except (OSError, EOFError) as error:
            reason = f"its process ended: {error or 'no answer'}"
        self._reap()
        raise EmbedderError(f"{self._name}: {reason}")

    def _start(self) -> subprocess.Popen[bytes]:
        # -P keeps the working directory off the path; the package's own folder is put there instead.
        command = [sys.executable, "-P", "-m", "memory.embedding.embedder_process", str(self._folder), self._name]
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        self._child = subprocess.Popen(
            [*command, "background"] if self._background else command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl+C is the parent's; the child ends with its stdin
        )
        return self._child

    def _reap(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    pass  # what was not sent to a child that is gone
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def serve(embedder: SentenceTransformerEmbedder, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    while True:
        try:
            request = json.loads(_receive(requests))
        except EOFError:
            return
        try:
            answer, raw = _answer(embedder, request)
        except EmbedderError as error:
            _send(answers, json.dumps({"error": str(error)}).encode())
            continue
        _send(answers, json.dumps(answer).encode())
        _send(answers, raw)


def _answer(embedder: SentenceTransformerEmbedder, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    if request["do"] == "identity":
        identity = embedder.identity
        return {"model": identity.model, "dimension": identity.dimension, "prefix": identity.prefix}, b""
    texts = request["texts"]
    vectors = embedder.embed_passages(texts) if request["do"] == "passages" else embedder.embed_query(texts[0])[None]
    return {"shape": list(vectors.shape)}, vectors.astype("<f4").tobytes()


def _send(file: IO[bytes], data: bytes) -> None:
    file.write(_LENGTH.pack(len(data)) + data)
    file.flush()


def _receive(file: IO[bytes]) -> bytes:
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError("no answer")
    (length,) = _LENGTH.unpack(head)
    if length > _LONGEST:
        raise EOFError("not an answer")
    data = file.read(length)
    if len(data) < length:
        raise EOFError("half an answer")
    return data


def main() -> None:
    """Serve the model in the folder named on the command line over stdin and stdout."""
    folder, name, *background = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    if background and hasattr(os, "nice"):
        os.nice(NICENESS)
    embedder = SentenceTransformerEmbedder(Path(folder), name, threads=1 if background else None)
    serve(embedder, sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
