"""Where an OpenAI-compatible server is, who reads along there, and what its refusals mean to a person.

The token comes from the environment and is never written anywhere: CHATCLONE_API_KEY, or OPENAI_API_KEY, which is not
sent unencrypted to another machine.
"""

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from chatclone.errors import ChatcloneError, UsageError

COMPLETIONS = "/chat/completions"
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Answers that another try may change."""
LONGEST_QUOTE = 300
"""Characters of a server's own words that are shown."""


class Transient(ChatcloneError):
    """A failure that may pass: worth another try, after at least `after` seconds, while nothing has been written."""

    def __init__(self, message: str, hint: str, after: float = 0.0) -> None:
        super().__init__(message, hint)
        self.after = after


@dataclass(frozen=True)
class Endpoint:
    """An API's root such as `http://127.0.0.1:8080/v1`; `remote` is its host unless that is this machine."""

    url: str
    remote: str = ""
    token: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str, environ: Mapping[str, str]) -> "Endpoint":
        """Return the endpoint that `url` names, in any of the ways people write it, with the environment's token."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port  # the port is checked by asking for it
        except ValueError as error:
            raise UsageError(f"{url} is no address: {error}", "--url http://127.0.0.1:8080/v1") from None
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
            raise UsageError(f"{url} is no address of a server", "--url http://127.0.0.1:8080/v1")
        if parts.username or parts.password:
            raise UsageError("--url holds a password, which would be shown", "set CHATCLONE_API_KEY to the token")
        remote = "" if is_loopback(host) else host
        path = parts.path.rstrip("/").removesuffix(COMPLETIONS) or "/v1"
        return cls(f"{parts.scheme}://{parts.netloc}{path}", remote, _token(environ, parts.scheme, remote))

    @property
    def privacy_note(self) -> str:
        """What a person should know before the first word is sent."""
        if not self.remote:
            return f"the server at {self.url}, on this machine"
        unencrypted = "" if self.url.startswith("https:") else ", unencrypted"
        return f"words and memory leave this machine for {self.remote}{unencrypted}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def refusal(self, status: int, body: bytes, model: str, retry_after: str = "") -> ChatcloneError:
        """Return what an answer that is not a success means."""
        said = quoted(body)
        if status in (401, 403):
            return ChatcloneError(
                f"{self.url} refuses the token: {said}" if self.token else f"{self.url} wants a token",
                "set CHATCLONE_API_KEY to the server's token",
            )
        if status == 404 and "model" in said.lower():
            return ChatcloneError(f"{self.url} has no model {model}: {said}", "name one with --remote-model")
        if status in (301, 302, 307, 308, 404, 405):
            return ChatcloneError(f"{self.url} is not the root of an OpenAI-compatible API", "check --url")
        if status in PASSING:
            return Transient(f"{self.url} answered {status}: {said}", "try again in a moment", _seconds(retry_after))
        if re.search(r"context.{0,20}(length|size|window)|exceed.{0,40}context", said.lower()):
            return ChatcloneError(f"the prompt is too long for the server: {said}", "set --remote-context lower")
        return ChatcloneError(f"{self.url} answered {status}: {said}", "the server's own log says more")


@dataclass(frozen=True)
class RemoteModel:
    """What a person says about a model elsewhere; an empty name and no context (in tokens) are asked of the server."""

    url: str
    model: str = ""
    context: int | None = None


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def quoted(body: bytes) -> str:
    """Return what a server says in the body of a refusal, on one line of a bounded length."""
    try:
        said = json.loads(body)
        for key in ("error", "message"):
            said = said.get(key, said) if isinstance(said, dict) else said
    except ValueError:
        said = body.decode(errors="replace")
    text = " ".join(str(said).split())
    return "".join(c for c in text if c.isprintable())[:LONGEST_QUOTE] or "nothing more"


def offered(body: bytes) -> dict[str, dict[str, Any]]:
    """Return the models of a `/models` answer by id; empty when it is something else."""
    try:
        rows = json.loads(body)["data"]
        return {str(row["id"]): row for row in rows}
    except (ValueError, TypeError, KeyError):
        return {}


def _token(environ: Mapping[str, str], scheme: str, remote: str) -> str:
    """Return the token to send; one that was meant for OpenAI does not travel in the clear."""
    name = "CHATCLONE_API_KEY"
    if not environ.get(name) and (scheme == "https" or not remote):
        name = "OPENAI_API_KEY"
    token = environ.get(name, "").strip()
    if not (token.isascii() and token.isprintable()):
        raise ChatcloneError(f"{name} holds characters that no token has", "copy the token again")
    return token


def _seconds(retry_after: str) -> float:
    """Return the wait a server asks for in seconds; a date, the header's other form, is left to our own pauses."""
    return float(retry_after) if retry_after.isdecimal() else 0.0
