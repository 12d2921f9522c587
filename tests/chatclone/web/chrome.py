"""A headless Chromium, driven over its own protocol: as much of it as a test of one page needs."""

import asyncio
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.1
NAMES = ("chromium", "chromium-browser", "google-chrome")
SIZE = (1000, 640)
SHIFT = 8
"""DevTools' modifier for Shift: with it xterm.js selects text where the app has taken the mouse."""


def program() -> str | None:
    """Return Chromium's path, or None where it is not installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """A page in the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of DevTools and return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async for message in self._socket:
            answer: dict[str, Any] = message.json()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
        raise AssertionError("the browser has gone")

    async def value(self, script: str) -> Any:
        """Return what a line of JavaScript gives."""
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return result["result"].get("value")

    async def text(self) -> str:
        """Select all of the terminal with the mouse, as a person would, and return what is selected."""
        width, height = SIZE
        for kind, x, y in (
            ("mousePressed", 1, 1),
            ("mouseMoved", width - 2, height - 2),
            ("mouseReleased", width - 2, height - 2),
        ):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1, modifiers=SHIFT
            )
        # On Linux xterm.js puts what is selected into its hidden field, for the middle button to paste.
        selected = await self.value("document.querySelector('.xterm-helper-textarea')?.value")
        return str(selected or "")

    async def press(self, key: str, code: int) -> None:
        """Press a key."""
        for kind in ("rawKeyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    async def shows(self, condition: str) -> None:
        """Wait until a condition in JavaScript is true."""
        for _ in range(int(WAIT_SECONDS / LOOK_SECONDS)):
            if await self.value(condition):
                return
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"it never was true: {condition}")

    async def until(self, text: str) -> str:
        """Wait until `text` can be read in the terminal, and return all of it."""
        seen = ""
        for _ in range(int(WAIT_SECONDS / LOOK_SECONDS)):
            if text in (seen := await self.text()):
                return seen
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"{text!r} never came; there is: {seen}")


@asynccontextmanager
async def opened(chromium: str, url: str) -> AsyncIterator[Page]:
    """Open a page in a browser of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
        ]
        size = f"--window-size={SIZE[0]},{SIZE[1]}"
        process = subprocess.Popen([chromium, *options, size, "about:blank"], stderr=subprocess.DEVNULL)
        try:
            async with aiohttp.ClientSession() as session:
                address = await _address(session, Path(profile) / "DevToolsActivePort")
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    page = Page(socket)
                    await page.call("Page.navigate", url=url)
                    yield page
        finally:
            process.kill()
            process.wait()


async def _address(session: aiohttp.ClientSession, written: Path) -> str:
    """Return the address of the first page's DevTools, once the browser has written its port."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not (written.exists() and written.read_text().count("\n")):
            await asyncio.sleep(LOOK_SECONDS)
    port = written.read_text().split()[0]
    async with session.get(f"http://127.0.0.1:{port}/json") as answer:
        (page,) = [target for target in await answer.json() if target["type"] == "page"]
    return str(page["webSocketDebuggerUrl"])
