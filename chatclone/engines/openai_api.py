"""A model behind any OpenAI-compatible server: vLLM, llama-server, Ollama, another `chatclone serve`.

Messages are sent, not token ids: the server renders its own template, so the prompt's length is an estimate here. Every
reply has a connection of its own, and closing it, between two pieces or while waiting for the first, is what stops the
server. Until the first piece a failure that may pass is tried again; after it the piece stands and the failure is told.
Imported lazily, since it imports an HTTP client.
"""

import asyncio
import json
import logging
import re
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx2

from chatclone.engines.endpoint import COMPLETIONS, PASSING, Endpoint, Transient, offered, quoted
from chatclone.engines.protocol import Cancelled, EngineEvent, Piece, Reading, Sampling, Stopped
from chatclone.errors import ChatcloneError, UsageError
from chatclone.prompt.render import ChatMessage, ChatTemplate, Prompt, merge_roles, neutralise

log = logging.getLogger(__name__)

DEFAULT_CONTEXT = 4096
"""Tokens taken for granted where a server does not tell; what Ollama gives a model by default."""
BYTES_PER_TOKEN = 3
"""Bytes of UTF-8 counted as one token. Today's vocabularies need 3 to 6, so a prompt is cut early, not refused."""
COUNTED = "{% for m in messages %}<{{ m.role }}>\n{{ m.content }}\n</{{ m.role }}>\n{% endfor %}"
"""Stands for the server's template when counting: about as many tokens a turn as the usual ones need."""
MARKERS = (
    *("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"),
    *("<|start_header_id|>", "<|end_header_id|>", "<|start|>", "<|end|>", "<|message|>", "<|channel|>"),
    *("<|user|>", "<|assistant|>", "<|system|>", "<start_of_turn>", "<end_of_turn>"),
    *("[INST]", "[/INST]", "<s>", "</s>", "<bos>", "<eos>"),
)
"""What the usual families' tokenizers read as special tokens: the server's own cannot be asked."""
OPTIONAL = ("temperature", "top_p", "min_p", "seed", "stream_options")
"""Fields a request can do without, where a server refuses them."""
POLL_SECONDS = 0.02
"""How often a generation that waits for the server asks whether it was cancelled."""
LONGEST_PAUSE = 30.0
"""Seconds between two tries, whatever the server asks for."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the server may take: to connect, between two signs of life, and the pauses before each new try."""

    connect_seconds: float = 10.0
    read_seconds: float = 300.0  # a server may load the model first, and read a long prompt on a CPU
    pauses: tuple[float, ...] = (0.5, 1.0, 2.0)


class _Unsupported(Exception):
    """The server does not know some fields, which are left out from now on."""


class OpenAIEngine:
    """An `engines.base.Engine` that asks a server; nothing is sent before the first `generate`, except by `connect`."""

    name = "openai"
    settings: tuple[str, ...] = ()

    def __init__(
        self, endpoint: Endpoint, model: str, context: int = DEFAULT_CONTEXT, patience: Patience | None = None
    ) -> None:
        self.model = model
        self.context = context
        self.template = estimating_template()
        self.remote = endpoint.remote
        self._endpoint = endpoint
        self._patience = patience or Patience()
        self._left_out: set[str] = set()
        self._length_field = "max_tokens"
        self._turn = threading.Lock()

    def set_strength(self, strength: float) -> None:
        """Refuse: the server decides about its adapter."""
        raise ChatcloneError("the server applies its adapter itself", "chat with the exported adapter on this machine")

    @classmethod
    def connect(
        cls, endpoint: Endpoint, model: str = "", context: int | None = None, *, prefer: str = ""
    ) -> "OpenAIEngine":
        """Ask the server what is not given: the model, `prefer` or the only one there is, and its context."""
        if model and context:
            return cls(endpoint, model, context)
        models = _ask_for_models(endpoint, required=not model)
        name = model or (prefer if prefer in models else "") or (next(iter(models)) if len(models) == 1 else "")
        if not name:
            names = ", ".join(sorted(models)[:10])
            raise UsageError(
                f"{endpoint.url} offers {names}" if models else f"{endpoint.url} does not say which models it has",
                "name one with --remote-model",
            )
        told = models.get(name, {}).get("max_model_len")
        return cls(endpoint, name, context or (told if isinstance(told, int) and told > 0 else DEFAULT_CONTEXT))

    def generate(self, prompt: Prompt, sampling: Sampling, cancelled: Cancelled) -> Iterator[EngineEvent]:
        """Continue `prompt`; a second generation before the first has ended is refused."""
        if not self._turn.acquire(blocking=False):
            raise ChatcloneError("the model is still writing another reply", "wait for it, or stop it")
        try:
            yield Reading(0, len(prompt.ids))
            yield from _stepped(self._reply(prompt.messages, sampling), cancelled)
        finally:
            self._turn.release()

    def close(self) -> None:
        """Let go of nothing: every connection ended with its reply."""

    async def _reply(self, messages: Sequence[ChatMessage], sampling: Sampling) -> AsyncGenerator[EngineEvent]:
        """Try until something is written, then write on."""
        pauses = list(self._patience.pauses)
        written = False
        while True:
            try:
                async with aclosing(self._attempt(messages, sampling)) as events:
                    async for event in events:
                        written = True
                        yield event
                return
            except _Unsupported:
                continue  # each field is left out once, so this ends
            except Transient as failure:
                if written or not pauses:
                    raise
                pause = min(max(pauses.pop(0), failure.after), LONGEST_PAUSE)
                log.warning("no answer from the server yet; asking again after %.1f s", pause)
            await asyncio.sleep(pause)

    async def _attempt(self, messages: Sequence[ChatMessage], sampling: Sampling) -> AsyncGenerator[EngineEvent]:
        url = self._endpoint.url + COMPLETIONS
        try:
            async with (
                httpx2.AsyncClient(**_client_options(self._endpoint, self._patience)) as client,
                client.stream("POST", url, json=self._request(messages, sampling)) as response,
            ):
                if not response.is_success:
                    raise self._refused(response.status_code, await response.aread(), response.headers)
                async with aclosing(_events(response)) as events:
                    async for event in events:
                        yield event
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise _unreachable(error, self._endpoint, self._patience) from None

    def _request(self, messages: Sequence[ChatMessage], sampling: Sampling) -> dict[str, Any]:
        turns = [{"role": m.role, "content": neutralise(m.content, MARKERS)} for m in merge_roles(messages)]
        fields: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "min_p": sampling.min_p,
            "stream_options": {"include_usage": True},
        }
        if sampling.seed is not None:
            fields["seed"] = sampling.seed
        kept = {name: value for name, value in fields.items() if name not in self._left_out}
        always = {"model": self.model, "messages": turns, "stream": True, self._length_field: sampling.max_tokens}
        return always | kept

    def _refused(self, status: int, body: bytes, headers: httpx2.Headers) -> Exception:
        """Return what to raise: where a server does not know a field, the request to try again without it."""
        if status in (400, 422):
            words = set(re.findall(r"\w+", quoted(body)))
            if names := {name for name in OPTIONAL if name in words} - self._left_out:
                self._left_out |= names
                log.warning("the server does not take %s; left out from now on", ", ".join(sorted(names)))
                return _Unsupported()
            if "max_completion_tokens" in words and self._length_field == "max_tokens":
                self._length_field = "max_completion_tokens"  # OpenAI's newer models know only this name
                return _Unsupported()
        return self._endpoint.refusal(status, body, self.model, headers.get("retry-after", ""))


def estimating_template() -> ChatTemplate:
    """Return a template that counts tokens by BYTES_PER_TOKEN, since the server's tokenizer is out of reach."""

    def encode(text: str) -> list[int]:
        data = text.encode(errors="replace")
        starts = range(0, len(data), BYTES_PER_TOKEN)
        return [int.from_bytes(b"\1" + data[i : i + BYTES_PER_TOKEN], "big") for i in starts]

    def decode(ids: Sequence[int]) -> str:
        # The leading 1 keeps zero bytes and the length of the last group; it is the first byte that is not zero.
        groups = [i.to_bytes(BYTES_PER_TOKEN + 1, "big").lstrip(b"\0")[1:] for i in ids]
        return b"".join(groups).decode(errors="replace")

    return ChatTemplate(COUNTED, encode, decode, stop_ids=frozenset(), markers=MARKERS)


def _stepped(events: AsyncGenerator[EngineEvent], cancelled: Cancelled) -> Iterator[EngineEvent]:
    """Drive `events` from a plain generator, asking all the while whether it was cancelled."""

    async def following() -> EngineEvent | None:
        return await anext(events, None)

    stopped = False
    loop = asyncio.new_event_loop()
    step = loop.create_task(following())
    try:
        while True:
            while not step.done() and not (stopped := cancelled()):
                loop.run_until_complete(asyncio.wait({step}, timeout=POLL_SECONDS))
            if stopped or (event := step.result()) is None:
                break
            yield event
            step = loop.create_task(following())
    finally:
        step.cancel()
        loop.run_until_complete(asyncio.wait({step}))
        loop.run_until_complete(events.aclose())
        loop.run_until_complete(loop.shutdown_asyncgens())  # the HTTP client's own
        loop.close()
    if stopped:
        yield Stopped("cancelled")


async def _events(response: httpx2.Response) -> AsyncGenerator[EngineEvent]:
    """Turn the stream of a reply into events; a stream that ends before the reply did is an error."""
    finish: str | None = None
    written = tokens = 0
    try:
        async for sent in httpx2.EventSource(response):
            if sent.data == "[DONE]":
                finish = finish or "stop"
                break
            text, reason, used = _read_chunk(sent.data)
            finish, tokens = reason or finish, used or tokens
            if text:
                written += 1
                yield Piece(text)
    except httpx2.RequestError:
        if finish is None:
            raise
    if finish is None:
        raise Transient("the server ended the connection in the middle of the reply", "ask again")
    if tokens > written:
        yield Piece("", tokens - written)  # a chunk may hold several tokens; only the end tells how many
    yield Stopped("length" if finish == "length" else "end_of_turn")


def _read_chunk(data: str) -> tuple[str, str | None, int]:
    """Return a chunk's text, why the reply ends (None: it goes on), and how many tokens it had in all (0: untold)."""
    try:
        chunk = json.loads(data)
        if error := chunk.get("error"):
            raise ChatcloneError(f"the server gave up: {quoted(json.dumps(error).encode())}", "ask again")
        choice = (chunk.get("choices") or [{}])[0]
        text = (choice.get("delta") or {}).get("content") or ""
        used = (chunk.get("usage") or {}).get("completion_tokens") or 0
        return str(text), choice.get("finish_reason"), int(used)
    except (ValueError, TypeError, AttributeError, LookupError):
        raise ChatcloneError("the server does not answer in OpenAI's format", "check --url") from None


def _ask_for_models(endpoint: Endpoint, *, required: bool) -> dict[str, dict[str, Any]]:
    """Return the server's models by id; one that keeps no list has none, which is an error only where `required`."""
    try:
        # No second try: the person is waiting, and a server that is not there should be said at once.
        with httpx2.Client(**_client_options(endpoint, Patience())) as client:
            answer = client.get(endpoint.url + "/models")
    except (httpx2.RequestError, httpx2.InvalidURL) as error:
        raise _unreachable(error, endpoint, Patience()) from None
    if not answer.is_success and (required or answer.status_code in (401, 403, *PASSING)):
        raise endpoint.refusal(answer.status_code, answer.content, "", answer.headers.get("retry-after", ""))
    return offered(answer.content) if answer.is_success else {}


def _client_options(endpoint: Endpoint, patience: Patience) -> dict[str, Any]:
    """Return how to reach the server: what goes to this machine goes there directly, never through a proxy."""
    timeout = httpx2.Timeout(patience.connect_seconds, read=patience.read_seconds)
    return {"headers": endpoint.headers, "timeout": timeout, "trust_env": bool(endpoint.remote)}


def _unreachable(error: Exception, endpoint: Endpoint, patience: Patience) -> ChatcloneError:
    """Return what a failure below HTTP means."""
    match error:
        case httpx2.SSEError():
            return ChatcloneError(f"{endpoint.url} does not stream replies: {error}", "check --url")
        case httpx2.InvalidURL() | httpx2.UnsupportedProtocol():
            return ChatcloneError(f"{endpoint.url} is no address of a server: {error}", "check --url")
        case httpx2.ReadTimeout():
            seconds = patience.read_seconds
            return ChatcloneError(f"{endpoint.url} was silent for {seconds:g} s", "see whether the server is busy")
        case httpx2.ConnectError() | httpx2.ConnectTimeout():
            return Transient(f"no connection to {endpoint.url}: {error}", "start the server, or check --url")
        case _:
            return Transient(f"the connection to {endpoint.url} broke off", "ask again")
