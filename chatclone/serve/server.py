"""Where the server listens, the token it wants, and the run itself."""

import contextlib
import re
import secrets
import socket
from collections.abc import Iterator, Mapping

import uvicorn

from chatclone.clone.clone import Clone
from chatclone.engines.endpoint import is_loopback
from chatclone.errors import ChatcloneError, UsageError
from chatclone.serve.http_api import create_app
from chatclone.serve.request_queue import MOST_WAITING

GRACE_SECONDS = 2
"""How long a reply may go on after the server was told to end."""
TOKEN_VARIABLE = "CHATCLONE_SERVE_TOKEN"
SHORTEST_TOKEN = 16


def choose_token(environ: Mapping[str, str]) -> tuple[str, bool]:
    """Return the token that clients must send, and whether it was made up just now."""
    given = environ.get(TOKEN_VARIABLE, "")
    if not given:
        return secrets.token_urlsafe(24), True
    if not re.fullmatch(rf"[!-~]{{{SHORTEST_TOKEN},}}", given):
        raise ChatcloneError(
            f"{TOKEN_VARIABLE} must be {SHORTEST_TOKEN} or more characters of ASCII without spaces",
            "leave it unset, and a token is made up",
        )
    return given, False


@contextlib.contextmanager
def listening(host: str, port: int, *, allow_remote: bool = False) -> Iterator[tuple[socket.socket, str]]:
    """Listen, and give the socket with the API's address; other machines reach it only where that is asked for."""
    if not (allow_remote or is_loopback(host)):
        raise UsageError(
            f"{host} can be reached from other machines, and the connection is not encrypted",
            "use 127.0.0.1 with a tunnel (ssh -L), or add --allow-remote on a network you trust",
        )
    if not 0 <= port < 2**16:
        raise UsageError(f"{port} is no port", "--port 8765, or 0 for a free one")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family)
    except OSError as error:
        raise ChatcloneError(f"cannot listen on {host}, port {port}: {error}", "choose another --port") from None
    with listener:
        shown = f"[{host}]" if family is socket.AF_INET6 else host
        yield listener, f"http://{shown}:{listener.getsockname()[1]}/v1"


def server(clones: Mapping[str, Clone], token: str, most_waiting: int = MOST_WAITING) -> uvicorn.Server:
    """Return the server; `run(sockets=[listener])` serves until interrupted. It logs no requests."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(clones, token, most_waiting),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
