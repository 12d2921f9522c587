"""`chatclone --web` as a process, and its websocket as a browser uses it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from tests.interrupts import heed_interrupts

WAIT_SECONDS = 30.0
"""How long a test waits for something that takes a second, before it fails."""
IN_ENGLISH = {**os.environ, "LC_ALL": "C.UTF-8"}
WELCOME = "Talk to a copy of yourself that runs on your own computer."


class Served:
    """A running server: its process and its address."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.url = url
        self.host = url.split("/")[2]
        self.path = url.removeprefix(f"http://{self.host}")


@contextmanager
def serving(home: Path, log: Path) -> Iterator[Served]:
    """Serve the app of a home on a free port; Ctrl+C ends it, unless the test has ended it already."""
    command = [sys.executable, "-m", "chatclone", "--home", str(home), "--web", "--json"]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=IN_ENGLISH, preexec_fn=heed_interrupts
        ) as process,
    ):
        assert process.stdout is not None
        document = json.loads("".join(process.stdout.readline() for _ in range(3)))
        try:
            yield Served(process, document["url"])
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    assert process.wait(WAIT_SECONDS) == 130
                finally:
                    process.kill()  # else Popen waits for it for ever


async def drawn_until(websocket: aiohttp.ClientWebSocketResponse, text: str) -> str:
    """Return what the app has drawn when `text` is in it."""
    drawn = b""
    async with asyncio.timeout(WAIT_SECONDS):
        async for message in websocket:
            drawn += message.data if message.type is aiohttp.WSMsgType.BINARY else b""
            if text.encode() in drawn:
                return drawn.decode("utf-8", "replace")
    raise AssertionError(f"closed before {text!r} was drawn; it was: {drawn!r}")


async def closed(websocket: aiohttp.ClientWebSocketResponse) -> bool:
    """Wait until the other side closes."""
    async with asyncio.timeout(WAIT_SECONDS):
        async for _ in websocket:
            pass
    return websocket.closed
