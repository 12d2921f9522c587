"""The app behind one browser window: a process that textual-serve starts, sends input to, and draws from."""

import asyncio
import contextlib
import logging
import os
import shlex
import subprocess
from collections.abc import Sequence

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from chatclone.clone.saved_reply import log_failure

logger = logging.getLogger(__name__)

STOP_SECONDS = 5.0
"""How long the app may take to end; it may be loading a model, and everything is saved before."""


class AppProcess(AppService):
    """One process of the app; its websocket is closed when it has ended, however it ended."""

    failed = False
    """Whether the app ended with an error; known before the websocket is closed."""

    def __init__(self, command: Sequence[str], websocket: web.WebSocketResponse) -> None:
        super().__init__(
            subprocess.list2cmdline(command) if os.name == "nt" else f"exec {shlex.join(command)}",
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=self._announce_exit,
            download_manager=DownloadManager(),
        )
        self._websocket = websocket

    async def run(self) -> None:
        """Send what the app draws to the browser until the app ends."""
        assert self._process is not None
        task = asyncio.current_task()
        try:
            # The browser may disconnect while the app still draws.
            with contextlib.suppress(ConnectionError):
                await super().run()
            if task is not None and not task.cancelling():
                self.failed = await asyncio.wait_for(self._process.wait(), STOP_SECONDS) != 0
        except Exception as error:
            self.failed = True
            log_failure(logger, "drawing the app in the browser", error)
        await self._websocket.close()

    async def stop(self) -> None:
        """Ask the app to end, and kill it after STOP_SECONDS."""
        try:
            await asyncio.wait_for(super().stop(), STOP_SECONDS)
        except TimeoutError:
            if self._process is not None and self._process.returncode is None:
                self._process.kill()
        if self._process is not None:
            await self._process.wait()

    async def _announce_exit(self) -> None:
        """Do nothing when the app announces its exit: `run` closes the websocket once the exit code is known."""

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        """Return textual-serve's environment, with the driver that ends the app when the server is gone."""
        environment = super()._build_environment(width, height)
        return {**environment, "TEXTUAL_DRIVER": "chatclone.web.driver:BrowserDriver"}
