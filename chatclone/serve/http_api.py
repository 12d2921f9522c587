"""The HTTP side: who may ask, what there is to ask for, and answers that end when nobody listens any more.

Nothing of what is said is logged. There are no CORS headers, so a web page in a browser cannot read an answer.
"""

import logging
import secrets
from collections.abc import Mapping
from contextlib import aclosing

import anyio
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from chatclone.clone.clone import Clone, Reply
from chatclone.clone.saved_reply import explain, log_failure
from chatclone.engines.protocol import Piece
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import PromptError
from chatclone.serve.openai_format import Answer, ApiError, Ask, event, model_document
from chatclone.serve.request_queue import MOST_WAITING, Desk

log = logging.getLogger(__name__)

LARGEST_BODY = 1_000_000
"""Bytes of a request: many times any model's context in text."""
RETRY_AFTER_SECONDS = 5


def create_app(clones: Mapping[str, Clone], token: str, most_waiting: int = MOST_WAITING) -> Starlette:
    """Return the application that serves each clone under its name to whoever has the token."""
    models = [model_document(name, clone) for name, clone in clones.items()]
    desks = {name: Desk(clone, most_waiting) for name, clone in clones.items()}

    async def list_models(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": models})

    async def one_model(request: Request) -> Response:
        name = request.path_params["name"]
        for model in models:
            if model["id"] == name:
                return JSONResponse(model)
        return refusal(_unknown_model(name))

    return Starlette(
        routes=[
            Route("/v1/models", list_models),
            Route("/v1/models/{name}", one_model),
            Route("/v1/chat/completions", Completions(desks), methods=["POST"]),
        ],
        middleware=[Middleware(TokenRequired, token=token)],
        exception_handlers={HTTPException: _http_refusal},
    )


class TokenRequired:
    """Lets only requests with the token pass."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the token in a time that does not depend on how much of it is right."""
        if scope["type"] == "http":
            given = Headers(scope=scope).get("authorization", "").encode()
            if not secrets.compare_digest(given, self._expected):
                response = refusal(ApiError(401, "the token is missing or wrong", "invalid_api_key"))
                response.headers["WWW-Authenticate"] = "Bearer"
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Completions:
    """Answers `POST /v1/chat/completions`."""

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        self._desks = desks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a client that leaves, while waiting or in the middle, ends the reply."""
        try:
            ask = Ask.read(await _body(Request(scope, receive)))
            desk = self._desks.get(ask.model)
            if desk is None:
                raise _unknown_model(ask.model)
        except ApiError as error:
            await refusal(error)(scope, receive, send)
            return
        except ClientDisconnect:
            return
        async with anyio.create_task_group() as both:

            async def end_when_nobody_listens() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                both.cancel_scope.cancel()

            both.start_soon(end_when_nobody_listens)
            await Delivery(ask, scope, receive, send).deliver(desk)
            both.cancel_scope.cancel()


class Delivery:
    """One answer on its way to the client: whole, or as a stream that begins with the first piece of text."""

    def __init__(self, ask: Ask, scope: Scope, receive: Receive, send: Send) -> None:
        self._ask = ask
        self._answer = Answer(ask)
        self._connection = (scope, receive, send)
        self._send = send
        self._streaming = False

    async def deliver(self, desk: Desk) -> None:
        """Send the reply, or why there is none: until the stream has begun as a status, then as an event."""
        try:
            async with aclosing(desk.reply(self._ask)) as events:
                async for written in events:
                    if isinstance(written, Reply):
                        await self._end(written)
                    elif isinstance(written, Piece) and written.text and self._ask.stream:
                        await self._stream(self._answer.piece(written.text))
        except Exception as failure:
            error = _api_error(failure)
            if not self._streaming:
                await refusal(error)(*self._connection)
            else:
                await self._write(event(error.document), more=False)

    async def _end(self, reply: Reply) -> None:
        if not self._ask.stream:
            await JSONResponse(self._answer.whole(reply))(*self._connection)
            return
        for chunk in self._answer.last(reply):
            await self._stream(chunk)
        await self._write(b"data: [DONE]\n\n", more=False)

    async def _stream(self, chunk: dict[str, object]) -> None:
        """Send a chunk; the first one brings the headers with it."""
        if not self._streaming:
            self._streaming = True
            headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._write(event(self._answer.first()))
        await self._write(event(chunk))

    async def _write(self, data: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})


def refusal(error: ApiError) -> Response:
    """Return a refusal as a response."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.status == 429 else None
    return JSONResponse(error.document, error.status, headers)


async def _body(request: Request) -> bytes:
    """Return the body of a request, unless it is larger than any conversation."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise ApiError(413, f"the body is larger than {LARGEST_BODY} bytes", "request_too_large")
    return bytes(body)


def _unknown_model(name: str) -> ApiError:
    return ApiError(404, f"there is no model {name!r} here; GET /v1/models lists them", "model_not_found", "model")


async def _http_refusal(_: Request, error: Exception) -> Response:
    """Return Starlette's own refusals, such as an unknown path, in OpenAI's shape."""
    assert isinstance(error, HTTPException)
    return refusal(ApiError(error.status_code, error.detail, "not_found" if error.status_code == 404 else "refused"))


def _api_error(failure: Exception) -> ApiError:
    """Return what a client may know of a failure; the text of a bug may quote what was said, so it stays here."""
    match failure:
        case ApiError():
            return failure
        case PromptError():
            return ApiError(400, str(failure), "unusable_conversation", "messages")
        case ChatcloneError():
            return ApiError(500, explain(failure), "engine_failed")
        case _:
            log_failure(log, "a reply", failure)
            return ApiError(500, "the reply failed; the server's log says where", "internal_error")
