"""The server itself: its address, its token, and the uvicorn server."""

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
"""How long a reply may continue after Ctrl+C."""
TOKEN_VARIABLE = "CHATCLONE_SERVE_TOKEN"
SHORTEST_TOKEN = 16


def choose_token(environ: Mapping[str, str]) -> tuple[str, bool]:
    """Return the token that clients must send, and whether it was generated now."""
    given = environ.get(TOKEN_VARIABLE, "")
    if not given:
        return secrets.token_urlsafe(24), True
    if not re.fullmatch(rf"[!-~]{{{SHORTEST_TOKEN},}}", given):
        raise ChatcloneError(
            "{variable} must be {length} or more ASCII characters without spaces",
            "leave it unset to have a token generated",
            variable=TOKEN_VARIABLE,
            length=SHORTEST_TOKEN,
        )
    return given, False


@contextlib.contextmanager
def listening(host: str, port: int, *, allow_remote: bool = False) -> Iterator[tuple[socket.socket, str]]:
    """Give a listening socket and the API's address; other machines can connect only with `allow_remote`."""
    if not (allow_remote or is_loopback(host)):
        raise UsageError(
            "{host} can be reached from other machines, and the connection is not encrypted",
            "use 127.0.0.1 with a tunnel (ssh -L), or add --allow-remote on a network you trust",
            host=host,
        )
    if not 0 <= port < 2**16:
        raise UsageError("--port must be between 0 and 65535", "--port 8765, or 0 for a free one")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family)
    except OSError as error:
        raise ChatcloneError(
            "cannot listen on {host}, port {port}: {error}", "choose another --port", host=host, port=port, error=error
        ) from None
    with listener:
        shown = f"[{host}]" if family is socket.AF_INET6 else host
        yield listener, f"http://{shown}:{listener.getsockname()[1]}/v1"


def server(clones: Mapping[str, Clone], token: str, most_waiting: int = MOST_WAITING) -> uvicorn.Server:
    """Return the server; `run(sockets=[listener])` serves until interrupted. Requests are not logged."""
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
