"""An engine that asks an OpenAI-compatible server: vLLM, llama-server, Ollama, another `chatclone serve`.

It sends messages, not token ids: the server renders its own template, so prompt lengths are estimates here. Each reply
has a connection of its own; closing it stops the server. Transient failures are retried until the first piece of text
arrives. Import it lazily: it imports an HTTP client.
"""

import asyncio
import logging
import re
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec

from chatclone.engines.endpoint import COMPLETIONS, TRANSIENT_STATUS, Endpoint, TransientError, quoted
from chatclone.engines.estimated_tokens import MARKERS, estimating_template
from chatclone.engines.protocol import Cancelled, EngineEvent, Piece, Reading, Sampling, Stopped
from chatclone.errors import ChatcloneError, UsageError
from chatclone.prompt.render import ChatMessage, Prompt, merge_roles
from chatclone.prompt.stop_markers import neutralise

log = logging.getLogger(__name__)

DEFAULT_CONTEXT = 4096
"""Context in tokens where the server does not say; Ollama's default."""
OPTIONAL = ("temperature", "top_p", "min_p", "seed", "stream_options")
"""Request fields that are left out where a server rejects them."""
POLL_SECONDS = 0.02
"""How often cancellation is checked while waiting for the server."""
LONGEST_PAUSE = 30.0
"""Longest pause between two tries in seconds, whatever the server asks for."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait: to connect, between two signs of life, and before each retry."""

    connect_seconds: float = 10.0
    read_seconds: float = 300.0  # a server may load the model first, and read a long prompt on a CPU
    pauses: tuple[float, ...] = (0.5, 1.0, 2.0)


class _Model(msgspec.Struct):
    id: str
    max_model_len: int | None = None
    """vLLM's field for the context, in tokens."""


class _ModelList(msgspec.Struct):
    data: list[_Model]


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    completion_tokens: int | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")


class _FieldRejected(Exception):
    """The server rejects some fields, which are left out from now on."""


class OpenAIEngine:
    """Implements `chatclone.engines.protocol.Engine`; only `connect` sends anything before the first `generate`."""

    name = "openai"
    settings: tuple[str, ...] = ()

    def __init__(
        self, endpoint: Endpoint, model: str, context: int = DEFAULT_CONTEXT, timeouts: Timeouts | None = None
    ) -> None:
        self.model = model
        self.context = context
        self.template = estimating_template()
        self.remote = endpoint.remote
        self._endpoint = endpoint
        self._timeouts = timeouts or Timeouts()
        self._rejected: set[str] = set()
        self._length_field = "max_tokens"
        self._busy = threading.Lock()

    @classmethod
    def connect(
        cls, endpoint: Endpoint, model: str = "", context: int | None = None, *, prefer: str = ""
    ) -> "OpenAIEngine":
        """Ask the server for what is not given: the model (`prefer`, or the only one) and its context."""
        if model and context:
            return cls(endpoint, model, context)
        models = _list_models(endpoint, required=not model)
        name = model or (prefer if prefer in models else "") or (next(iter(models)) if len(models) == 1 else "")
        if not name:
            raise UsageError(
                "{url} offers {models}" if models else "{url} does not say which models it has",
                "name one with --remote-model",
                url=endpoint.url,
                models=", ".join(sorted(models)[:10]),
            )
        return cls(endpoint, name, context or models.get(name) or DEFAULT_CONTEXT)

    def generate(self, prompt: Prompt, sampling: Sampling, cancelled: Cancelled) -> Iterator[EngineEvent]:
        """Continue `prompt`; a second generation before the first has ended is a ChatcloneError."""
        if not self._busy.acquire(blocking=False):
            raise ChatcloneError("the model is still writing another reply", "wait for it, or stop it")
        try:
            yield Reading(0, len(prompt.ids))
            yield from _iterate(self._reply(prompt.messages, sampling), cancelled)
        finally:
            self._busy.release()

    def set_strength(self, strength: float) -> None:
        """Refuse: the server applies its adapter."""
        raise ChatcloneError("the server applies its adapter itself", "chat with the exported adapter on this machine")

    def close(self) -> None:
        """Do nothing: every connection ended with its reply."""

    async def _reply(self, messages: Sequence[ChatMessage], sampling: Sampling) -> AsyncGenerator[EngineEvent]:
        """Yield the events of a reply; retry until the first one."""
        pauses = list(self._timeouts.pauses)
        written = False
        while True:
            try:
                async with aclosing(self._attempt(messages, sampling)) as events:
                    async for event in events:
                        written = True
                        yield event
                return
            except _FieldRejected:
                continue  # each field is left out once, so this ends
            except TransientError as failure:
                if written or not pauses:
                    raise
                pause = min(max(pauses.pop(0), failure.retry_after), LONGEST_PAUSE)
                log.warning("no response from the server; retrying in %.1f s", pause)
            await asyncio.sleep(pause)

    async def _attempt(self, messages: Sequence[ChatMessage], sampling: Sampling) -> AsyncGenerator[EngineEvent]:
        url = self._endpoint.url + COMPLETIONS
        try:
            async with (
                httpx2.AsyncClient(**_client_options(self._endpoint, self._timeouts)) as client,
                client.stream("POST", url, json=self._request(messages, sampling)) as response,
            ):
                if not response.is_success:
                    raise self._error(response.status_code, await response.aread(), response.headers)
                async with aclosing(_events(response)) as events:
                    async for event in events:
                        yield event
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise _connection_error(error, self._endpoint, self._timeouts) from None

    def _request(self, messages: Sequence[ChatMessage], sampling: Sampling) -> dict[str, Any]:
        turns = [{"role": m.role, "content": neutralise(m.content, MARKERS)} for m in merge_roles(messages)]
        optional: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "min_p": sampling.min_p,
            "stream_options": {"include_usage": True},
        }
        if sampling.seed is not None:
            optional["seed"] = sampling.seed
        required = {"model": self.model, "messages": turns, "stream": True, self._length_field: sampling.max_tokens}
        return required | {name: value for name, value in optional.items() if name not in self._rejected}

    def _error(self, status: int, body: bytes, headers: httpx2.Headers) -> Exception:
        """Return what to raise; where the server rejects a field, a request to try again without it."""
        if status in (400, 422):
            words = set(re.findall(r"\w+", quoted(body)))
            if names := {name for name in OPTIONAL if name in words} - self._rejected:
                self._rejected |= names
                log.warning("the server does not take %s; left out from now on", ", ".join(sorted(names)))
                return _FieldRejected()
            if "max_completion_tokens" in words and self._length_field == "max_tokens":
                self._length_field = "max_completion_tokens"  # OpenAI's newer models take only this name
                return _FieldRejected()
        return self._endpoint.error_for(status, body, self.model, headers.get("retry-after", ""))


def _iterate(events: AsyncGenerator[EngineEvent], cancelled: Cancelled) -> Iterator[EngineEvent]:
    """Yield `events` from an event loop of their own, checking for cancellation while waiting."""

    async def next_event() -> EngineEvent | None:
        step = asyncio.ensure_future(anext(events, None))
        try:
            while not step.done():
                if cancelled():
                    return Stopped("cancelled")
                await asyncio.wait({step}, timeout=POLL_SECONDS)
            return step.result()
        finally:
            step.cancel()
            await asyncio.wait({step})

    with asyncio.Runner() as runner:
        try:
            event: EngineEvent | None = None
            while not isinstance(event, Stopped) and (event := runner.run(next_event())) is not None:
                yield event
        finally:
            runner.run(events.aclose())


async def _events(response: httpx2.Response) -> AsyncGenerator[EngineEvent]:
    """Turn the stream of a reply into events; a stream that ends before the reply is an error."""
    finish: str | None = None
    written = tokens = 0
    try:
        async for sent in httpx2.EventSource(response):
            if sent.data == "[DONE]":
                finish = finish or "stop"
                break
            chunk = _decode_chunk(sent.data)
            tokens = (chunk.usage and chunk.usage.completion_tokens) or tokens
            for choice in (chunk.choices or [])[:1]:
                finish = choice.finish_reason or finish
                if choice.delta and choice.delta.content:
                    written += 1
                    yield Piece(choice.delta.content)
    except httpx2.RequestError:
        if finish is None:
            raise
    if finish is None:
        raise TransientError("the server ended the connection in the middle of the reply", "ask again")
    if tokens > written:
        yield Piece("", tokens - written)  # a chunk may hold several tokens; only the usage at the end counts them
    yield Stopped("length" if finish == "length" else "end_of_turn")


def _decode_chunk(data: str) -> _Chunk:
    try:
        chunk = msgspec.json.decode(data, type=_Chunk)
    except msgspec.MsgspecError:
        raise ChatcloneError("the server does not answer in OpenAI's format", "check --url") from None
    if (error := bytes(chunk.error)) != b"null":
        raise ChatcloneError("the server reports an error: {said}", "ask again", said=quoted(error))
    return chunk


def _list_models(endpoint: Endpoint, *, required: bool) -> dict[str, int | None]:
    """Return the context of each of the server's models by id; a missing list is an error only where `required`."""
    try:
        # No retry: the user is waiting and should learn at once that the server is down.
        with httpx2.Client(**_client_options(endpoint, Timeouts())) as client:
            response = client.get(endpoint.url + "/models")
    except (httpx2.RequestError, httpx2.InvalidURL) as error:
        raise _connection_error(error, endpoint, Timeouts()) from None
    if response.is_success:
        try:
            models = msgspec.json.decode(response.content, type=_ModelList).data
        except msgspec.MsgspecError:
            return {}
        return {model.id: model.max_model_len for model in models}
    if required or response.status_code in (401, 403, *TRANSIENT_STATUS):
        raise endpoint.error_for(response.status_code, response.content, "", response.headers.get("retry-after", ""))
    return {}


def _client_options(endpoint: Endpoint, timeouts: Timeouts) -> dict[str, Any]:
    """Return the options of an HTTP client; a server on this machine is never reached through a proxy."""
    timeout = httpx2.Timeout(timeouts.connect_seconds, read=timeouts.read_seconds)
    return {"headers": endpoint.headers, "timeout": timeout, "trust_env": bool(endpoint.remote)}


def _connection_error(error: Exception, endpoint: Endpoint, timeouts: Timeouts) -> ChatcloneError:
    values: dict[str, Any] = {"url": endpoint.url, "error": error, "seconds": timeouts.read_seconds}
    match error:
        case httpx2.SSEError():
            return ChatcloneError("{url} does not stream replies: {error}", "check --url", **values)
        case httpx2.InvalidURL() | httpx2.UnsupportedProtocol():
            return ChatcloneError("{url} is not the address of a server: {error}", "check --url", **values)
        case httpx2.ReadTimeout():
            what = "{url} sent nothing for {seconds:g} s"
            return ChatcloneError(what, "check whether the server is busy", **values)
        case httpx2.ConnectError() | httpx2.ConnectTimeout():
            return TransientError("no connection to {url}: {error}", "start the server, or check --url", **values)
        case _:
            return TransientError("the connection to {url} was lost", "ask again", **values)
