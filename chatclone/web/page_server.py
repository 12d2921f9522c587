"""The server of `chatclone --web`: one page, and the websocket between it and the app.

It listens on loopback alone. Every path begins with the token, and what is asked for without it is refused, as is
every Host but our own (a foreign name that was pointed at this computer) and every Origin but our own (a foreign page).
The page loads from here and nowhere else: its policy forbids the browser anything more.
"""

import asyncio
import contextlib
import hmac
import json
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from aiohttp import WSMsgType, web

from chatclone.errors import ChatcloneError, UsageError
from chatclone.web.app_process import Window

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ADDRESS = "127.0.0.1"
HEARTBEAT_SECONDS = 15.0
"""How often a browser is asked whether it is still there; one that sleeps has its app ended, and opens it again."""
SHUTDOWN_SECONDS = 10.0
FEWEST, MOST = 1, 1000
"""Columns and rows that a window may have."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),  # xterm.js writes its colours into style elements, hence 'unsafe-inline'
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@contextlib.contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """Listen on loopback; port 0 takes a free one."""
    if not 0 <= port < 2**16:
        raise UsageError(f"{port} is no port", "--port 8000, or leave it out for a free one")
    try:
        listener = socket.create_server((ADDRESS, port))
    except OSError as error:
        raise ChatcloneError(
            f"cannot listen on port {port}: {error.strerror}", "leave out --port for a free one"
        ) from None
    with listener:
        yield listener


def make_token() -> str:
    """Return a token that nobody guesses, in characters that an address may hold."""
    return secrets.token_urlsafe(24)


def serve(command: Sequence[str], listener: socket.socket, token: str) -> None:
    """Serve the app that `command` starts until interrupted; then every process of it has ended."""
    # textual-serve prints there what an app says that cannot open, and stdout holds our document alone.
    with contextlib.redirect_stdout(sys.stderr):
        asyncio.run(_serve(Desk(command, token, listener.getsockname()[1]), listener))


async def _serve(desk: "Desk", listener: socket.socket) -> None:
    runner = web.AppRunner(desk.application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


class Desk:
    """Lets in whoever has the token, and opens the app for one window at a time: each has a model of its own."""

    def __init__(self, command: Sequence[str], token: str, port: int) -> None:
        self._command = command
        self._token = token
        self._hosts = {f"{ADDRESS}:{port}", f"localhost:{port}"}
        self._here = files("chatclone.web")
        self._newest: web.WebSocketResponse | None = None
        self._one_window = asyncio.Lock()

    def application(self) -> web.Application:
        """Return what aiohttp serves."""
        below = web.Application()
        below.router.add_get("/", self._page)
        below.router.add_get("/page.js", self._script)
        below.router.add_get("/ws", self._websocket)
        below.router.add_static("/static", Path(str(files("textual_serve").joinpath("static"))))
        application = web.Application(middlewares=[self._admit])
        application.add_subapp(f"/{self._token}/", below)
        application.on_response_prepare.append(_add_headers)
        application.on_shutdown.append(self._close)
        return application

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what comes without the token, through another name, or from another page."""
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
        """Open the app for a window; the window before it is closed, and its app has ended by then."""
        websocket = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS)
        await websocket.prepare(request)
        former, self._newest = self._newest, websocket
        if former is not None:
            await former.close()
        async with self._one_window:
            if self._newest is websocket:
                window = Window(self._command, websocket)
                await window.start(_cells(request, "width", 80), _cells(request, "height", 24))
                try:
                    await _pass_on(websocket, window)
                finally:
                    await window.stop()
        return websocket

    async def _close(self, application: web.Application) -> None:
        if self._newest is not None:
            await self._newest.close()


async def _pass_on(websocket: web.WebSocketResponse, window: Window) -> None:
    """Pass on what the browser sends until it is closed; what is no message of textual-serve's page is left out."""
    async for message in websocket:
        if message.type is not WSMsgType.TEXT:
            continue
        match json.loads(message.data):
            case ["stdin", str(keys)]:
                await window.send_bytes(keys.encode("utf-8", "replace"))
            case ["resize", {"width": int(width), "height": int(height)}]:
                await window.set_terminal_size(_bounded(width), _bounded(height))
            case ["ping", sent]:
                await websocket.send_json(["pong", sent])
            case ["focus", *_]:
                await window.focus()
            case ["blur", *_]:
                await window.blur()


def _cells(request: web.Request, name: str, usual: int) -> int:
    """Return a number of columns or rows that the page asks for."""
    given = request.query.get(name, "")
    return _bounded(int(given)) if given.isascii() and given.isdecimal() else usual


def _bounded(cells: int) -> int:
    return min(MOST, max(FEWEST, cells))


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
