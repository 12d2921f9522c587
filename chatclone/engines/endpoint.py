"""The address of an OpenAI-compatible server, its token, and what its error responses mean.

The token comes from the environment and is never stored: CHATCLONE_API_KEY, or OPENAI_API_KEY, which is not sent
unencrypted to another machine.
"""

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from chatclone.errors import ChatcloneError, UsageError
from chatclone.i18n.message import Message

COMPLETIONS = "/chat/completions"
TRANSIENT_STATUS = (408, 425, 429, 500, 502, 503, 504)
"""HTTP statuses where another try may succeed."""
LONGEST_QUOTE = 300
"""Characters of a server's error message that are shown."""
_EXAMPLE = "--url http://127.0.0.1:8080/v1"


class TransientError(ChatcloneError):
    """A failure that may pass: try again, after at least `retry_after` seconds, unless text was already received."""

    def __init__(self, message: str, hint: str, retry_after: float = 0.0, **values: object) -> None:
        super().__init__(message, hint, **values)
        self.retry_after = retry_after


@dataclass(frozen=True)
class RemoteModel:
    """A model on a server, as the user names it; without name or context (in tokens) the server is asked."""

    url: str
    model: str = ""
    context: int | None = None


@dataclass(frozen=True)
class Endpoint:
    """The root of an API, such as `http://127.0.0.1:8080/v1`; `remote` is its host, empty for this machine."""

    url: str
    remote: str = ""
    token: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str, environ: Mapping[str, str]) -> "Endpoint":
        """Return the endpoint for any usual spelling of its address, with the token from the environment."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port  # reading the port validates it
        except ValueError as error:
            raise UsageError("{url} is not a valid address: {error}", _EXAMPLE, url=url, error=error) from None
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
            raise UsageError("{url} is not the address of a server", _EXAMPLE, url=url)
        if parts.username or parts.password:
            raise UsageError("--url contains a password, which would be shown", "set CHATCLONE_API_KEY to the token")
        remote = "" if is_loopback(host) else host
        path = parts.path.rstrip("/").removesuffix(COMPLETIONS) or "/v1"
        return cls(f"{parts.scheme}://{parts.netloc}{path}", remote, _token(environ, parts.scheme, remote))

    @property
    def privacy_note(self) -> str:
        """Where messages and memory are sent."""
        if not self.remote:
            return Message("the server at {url}, on this machine", url=self.url)
        if self.url.startswith("https:"):
            return Message("words and memory leave this machine for {host}", host=self.remote)
        return Message("words and memory leave this machine for {host}, unencrypted", host=self.remote)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def error_for(self, status: int, body: bytes, model: str, retry_after: str = "") -> ChatcloneError:
        """Return the error for an HTTP response that is not a success."""
        values: dict[str, object] = {"url": self.url, "status": status, "said": quoted(body), "model": model}
        said = quoted(body).lower()
        if status in (401, 403):
            what = "{url} rejects the token: {said}" if self.token else "{url} requires a token"
            return ChatcloneError(what, "set CHATCLONE_API_KEY to the server's token", **values)
        if status == 404 and "model" in said:
            return ChatcloneError("{url} has no model {model}: {said}", "name one with --remote-model", **values)
        if status in (301, 302, 307, 308, 404, 405):
            return ChatcloneError("{url} is not the root of an OpenAI-compatible API", "check --url", **values)
        if status in TRANSIENT_STATUS:
            # The header may also be a date; then our own pauses apply.
            seconds = float(retry_after) if retry_after.isdecimal() else 0.0
            return TransientError("{url} answered {status}: {said}", "try again in a moment", seconds, **values)
        if re.search(r"context.{0,20}(length|size|window)|exceed.{0,40}context", said):
            return ChatcloneError(
                "the prompt is too long for the server: {said}", "set --remote-context lower", **values
            )
        return ChatcloneError("{url} answered {status}: {said}", "see the server's own log", **values)


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def quoted(body: bytes) -> str:
    """Return the message in the body of an error response, on one line of bounded length."""
    try:
        said = json.loads(body)
        for key in ("error", "message"):
            said = said.get(key, said) if isinstance(said, dict) else said
    except ValueError:
        said = body.decode(errors="replace")
    text = " ".join(str(said).split())
    return "".join(c for c in text if c.isprintable())[:LONGEST_QUOTE] or "no message"


def _token(environ: Mapping[str, str], scheme: str, remote: str) -> str:
    """Return the token to send; OpenAI's is not sent unencrypted to another machine."""
    name = "CHATCLONE_API_KEY"
    if not environ.get(name) and (scheme == "https" or not remote):
        name = "OPENAI_API_KEY"
    token = environ.get(name, "").strip()
    if not (token.isascii() and token.isprintable()):
        raise ChatcloneError("{name} contains characters that no token has", "copy the token again", name=name)
    return token
