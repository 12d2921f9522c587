"""Servers on loopback for tests: our own with clones of the test's choice, and one that does what a script says."""

import contextlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai

from chatclone.clone.clone import Clone
from chatclone.serve.server import listening, server

TOKEN = "a-token-for-the-tests"
WAIT_SECONDS = 20.0
"""How long a test waits for something that takes milliseconds, before it fails."""


@contextlib.contextmanager
def serving(clones: Mapping[str, Clone], most_waiting: int = 8) -> Iterator[str]:
    """Serve clones from a thread and give the API's address."""
    with listening("127.0.0.1", 0) as (listener, url):
        running = server(clones, TOKEN, most_waiting)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url
        finally:
            running.should_exit = True
            thread.join()


@contextlib.contextmanager
def client(url: str, token: str = TOKEN) -> Iterator[openai.OpenAI]:
    """Give OpenAI's own client, which tries once and uses no proxy."""
    http = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(base_url=url, api_key=token, max_retries=0, timeout=WAIT_SECONDS, http_client=http) as opened:
        yield opened


Deed = Callable[["Handler"], None]


class Scripted:
    """A server whose every request is answered by the next deed; it keeps what it was sent."""

    def __init__(self, *deeds: Deed) -> None:
        self.deeds = deque(deeds)
        self.requests: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.arrived = threading.Semaphore(0)
        self.left = threading.Event()
        """Set when a client closed the connection of a `hang`."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.script = self  # type: ignore[attr-defined]  # how a handler gets at it
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> "Scripted":
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class Handler(BaseHTTPRequestHandler):
    """Does the next deed of the script."""

    @property
    def script(self) -> Scripted:
        """The script of the server."""
        script = self.server.script  # type: ignore[attr-defined]  # set by Scripted
        assert isinstance(script, Scripted)
        return script

    def do_GET(self) -> None:
        """Answer a request without a body."""
        self._do({})

    def do_POST(self) -> None:
        """Answer a request with a JSON body."""
        self._do(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _do(self, request: dict[str, Any]) -> None:
        self.script.requests.append(request)
        self.script.tokens.append(self.headers.get("Authorization", ""))
        self.script.arrived.release()
        self.script.deeds.popleft()(self)
        self.close_connection = True

    def begin(self, status: int, kind: str, **headers: str) -> None:
        """Send the status and the headers; the end of the body is the end of the connection."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def status(code: int, body: object = "", **headers: str) -> Deed:
    """Answer with a status, and a body that is sent as JSON."""

    def deed(handler: Handler) -> None:
        handler.begin(code, "application/json", **headers)
        handler.wfile.write(json.dumps(body).encode())

    return deed


def models(**contexts: int | None) -> Deed:
    """Answer with a list of models and their contexts."""
    rows = [{"id": name} | ({"max_model_len": n} if n is not None else {}) for name, n in contexts.items()]
    return status(200, {"object": "list", "data": rows})


def delta(text: str, finish: str | None = None, **more: object) -> dict[str, object]:
    """Return a chunk of a stream."""
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}], **more}


def stream(*chunks: object, done: bool = True, kind: str = "text/event-stream") -> Deed:
    """Stream chunks; without `done` the connection ends after the last one."""

    def deed(handler: Handler) -> None:
        handler.begin(200, kind)
        for chunk in chunks:
            # Unescaped, as the servers of the field write it: U+2028 and the like stand in the line.
            data = chunk if isinstance(chunk, str) else json.dumps(chunk, ensure_ascii=False)
            handler.wfile.write(f"data: {data}\n\n".encode())
        if done:
            handler.wfile.write(b"data: [DONE]\n\n")

    return deed


def reply(text: str) -> Deed:
    """Stream a whole reply."""
    return stream(delta(text), delta("", "stop"))


def torn(*chunks: object) -> Deed:
    """Stream chunks and end in the middle of what was announced."""

    def deed(handler: Handler) -> None:
        handler.begin(200, "text/event-stream", Content_Length="100000")
        for chunk in chunks:
            handler.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

    return deed


def hang(*chunks: object, headers: bool = True) -> Deed:
    """Stream chunks, or not even headers, and then wait until the client leaves."""

    def deed(handler: Handler) -> None:
        if headers:
            stream(*chunks, done=False)(handler)
        if not handler.connection.recv(1):
            handler.script.left.set()

    return deed
