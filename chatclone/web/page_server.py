"""The server of `chatclone --web`: one page, and the websocket between it and the app.

It listens on loopback only. Every path begins with the token; requests without it are refused, and so are a foreign
Host (DNS rebinding) and a foreign Origin (another page). The page's policy lets the browser load from here only.
"""

import asyncio
import contextlib
import hmac
import json
import logging
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from aiohttp import WSMsgType, web

from chatclone.clone.saved_reply import log_failure
from chatclone.errors import ChatcloneError, UsageError
from chatclone.web.app_process import AppProcess

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ADDRESS = "127.0.0.1"
HEARTBEAT_SECONDS = 15.0
"""How often the browser is pinged; the app of one that sleeps is ended, and can be opened again."""
SHUTDOWN_SECONDS = 10.0
FEWEST, MOST = 1, 1000
"""Limits of a window's columns and rows."""
FAILED = "chatclone stopped with an error. The terminal where it was started says more."
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),  # xterm.js writes its colors into style elements, hence 'unsafe-inline'
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@contextlib.contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """Give a socket that listens on loopback; port 0 takes a free one."""
    if not 0 <= port < 2**16:
        raise UsageError("--port must be between 0 and 65535", "--port 8000, or leave it out for a free one")
    try:
        listener = socket.create_server((ADDRESS, port))
    except OSError as error:
        raise ChatcloneError(
            "cannot listen on port {port}: {reason}",
            "leave out --port for a free one",
            port=port,
            reason=error.strerror,
        ) from None
    with listener:
        yield listener


def make_token() -> str:
    """Return a new random token for the address."""
    return secrets.token_urlsafe(24)


def serve(command: Sequence[str], listener: socket.socket, token: str) -> None:
    """Serve the app that `command` starts until interrupted; at the end all its processes have ended."""
    # textual-serve prints the errors of the app to stdout, which holds only our document.
    with contextlib.redirect_stdout(sys.stderr):
        asyncio.run(_serve(PageServer(command, token, listener.getsockname()[1]), listener))


async def _serve(server: "PageServer", listener: socket.socket) -> None:
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


class PageServer:
    """Serves clients with the token, and opens the app for one window at a time: each loads a model of its own."""

    def __init__(self, command: Sequence[str], token: str, port: int) -> None:
        self._command = command
        self._token = token
        self._hosts = {f"{ADDRESS}:{port}", f"localhost:{port}"}
        self._here = files("chatclone.web")
        self._newest: web.WebSocketResponse | None = None
        self._one_window = asyncio.Lock()
        self._app: AppProcess | None = None

    def application(self) -> web.Application:
        """Return what aiohttp serves."""
        below = web.Application()
        below.router.add_get("/", self._page)
        below.router.add_get("/page.js", self._script)
        below.router.add_get("/ws", self._websocket)
        below.router.add_get("/failure", self._failure)
        below.router.add_static("/static", Path(str(files("textual_serve").joinpath("static"))))
        application = web.Application(middlewares=[self._admit])
        application.add_subapp(f"/{self._token}/", below)
        application.on_response_prepare.append(_add_headers)
        application.on_shutdown.append(self._close)
        return application

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse requests without the token, with a foreign Host, or with a foreign Origin."""
        origin = request.headers.get("Origin")
        given = request.path.split("/")[1]
        if request.host not in self._hosts:
            raise web.HTTPForbidden(text="chatclone answers to its own address only.\n")
        if origin is not None and origin.removeprefix("http://") not in self._hosts:
            raise web.HTTPForbidden(text="chatclone answers to its own page only.\n")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise web.HTTPForbidden(text="This address has no token. Open the one that chatclone --web has printed.\n")
        return await handler(request)

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=self._here.joinpath("page.html").read_text("utf-8"), content_type="text/html")

    async def _script(self, request: web.Request) -> web.Response:
        return web.Response(text=self._here.joinpath("page.js").read_text("utf-8"), content_type="text/javascript")

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Open the app for a window, after the one before was closed and its app has ended."""
        websocket = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS)
        await websocket.prepare(request)
        former, self._newest = self._newest, websocket
        if former is not None:
            await former.close()
        async with self._one_window:
            if self._newest is websocket:
                self._app = app = AppProcess(self._command, websocket)
                try:
                    await app.start(_cells(request, "width", 80), _cells(request, "height", 24))
                    await _forward_input(websocket, app)
                except Exception as error:
                    app.failed = True
                    log_failure(logger, "the app in the browser", error)
                finally:
                    await app.stop()
                    await websocket.close()
        return websocket

    async def _failure(self, request: web.Request) -> web.Response:
        """Return what the page shows when the app has failed; empty when it ended normally."""
        return web.Response(text=FAILED if self._app is not None and self._app.failed else "")

    async def _close(self, application: web.Application) -> None:
        if self._newest is not None:
            await self._newest.close()


async def _forward_input(websocket: web.WebSocketResponse, app: AppProcess) -> None:
    """Forward the browser's messages to the app until the window is closed; unknown messages are ignored."""
    async for message in websocket:
        if message.type is not WSMsgType.TEXT:
            continue
        try:
            sent = json.loads(message.data)
        except ValueError:
            continue
        match sent:
            case ["stdin", str(keys)]:
                await app.send_bytes(keys.encode("utf-8", "replace"))
            case ["resize", {"width": int(width), "height": int(height)}]:
                await app.set_terminal_size(_bounded(width), _bounded(height))
            case ["ping", time]:
                await websocket.send_json(["pong", time])
            case ["focus", *_]:
                await app.focus()
            case ["blur", *_]:
                await app.blur()


def _cells(request: web.Request, name: str, usual: int) -> int:
    """Return the number of columns or rows that the page asks for."""
    given = request.query.get(name, "")
    return _bounded(int(given)) if given.isascii() and given.isdecimal() else usual


def _bounded(cells: int) -> int:
    return min(MOST, max(FEWEST, cells))


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
