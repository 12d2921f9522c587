"""The app behind one window of a browser: a process that textual-serve starts, feeds and draws from."""

import asyncio
import contextlib
import os
import shlex
import subprocess
from collections.abc import Sequence

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

LEAVE_SECONDS = 5.0
"""How long the app may take to end; it may be loading a model, and everything is saved before."""


class Window(AppService):
    """One process of the app; when it ends the window is told, however it ended."""

    def __init__(self, command: Sequence[str], websocket: web.WebSocketResponse) -> None:
        super().__init__(
            subprocess.list2cmdline(command) if os.name == "nt" else f"exec {shlex.join(command)}",
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=self._left,
            download_manager=DownloadManager(),
        )
        self._websocket = websocket

    async def run(self) -> None:
        """Pass on what the app draws until it ends."""
        # The browser may be gone while the app still draws.
        with contextlib.suppress(ConnectionError):
            await super().run()
        await self._left()

    async def stop(self) -> None:
        """End the app: by asking, and after a while without."""
        try:
            await asyncio.wait_for(super().stop(), LEAVE_SECONDS)
        except TimeoutError:
            if self._process is not None and self._process.returncode is None:
                self._process.kill()
        if self._process is not None:
            await self._process.wait()

    async def _left(self) -> None:
        await self._websocket.close()

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        """Return textual-serve's environment with a driver that ends the app when we are gone."""
        environment = super()._build_environment(width, height)
        return {**environment, "TEXTUAL_DRIVER": "chatclone.web.driver:WindowDriver"}
