"""The HTTP side of the server: the token, the routes, and replies that stop when the client disconnects.

No message is logged. There are no CORS headers, so a web page in a browser cannot read an answer.
"""

import logging
import secrets
from collections.abc import Mapping
from contextlib import aclosing

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from chatclone.clone.clone import Clone, Reply
from chatclone.clone.saved_reply import explain, log_failure
from chatclone.engines.protocol import Piece
from chatclone.errors import ChatcloneError
from chatclone.prompt.render import PromptError
from chatclone.serve.openai_format import Answer, ApiError, Completion, Model, ReplyRequest, event
from chatclone.serve.request_queue import MOST_WAITING, RequestQueue

log = logging.getLogger(__name__)

LARGEST_BODY = 1_000_000
"""Bytes of a request at most: many times the context of any model."""
RETRY_AFTER_SECONDS = 5


def create_app(clones: Mapping[str, Clone], token: str, most_waiting: int = MOST_WAITING) -> Starlette:
    """Return the application that serves each clone under its name to clients with the token."""
    models = {name: Model(name, clone.engine.context) for name, clone in clones.items()}
    queues = {name: RequestQueue(clone, most_waiting) for name, clone in clones.items()}

    async def list_models(_: Request) -> Response:
        return _json({"object": "list", "data": list(models.values())})

    async def one_model(request: Request) -> Response:
        name = request.path_params["name"]
        return _json(models[name]) if name in models else _error_response(_unknown_model(name))

    return Starlette(
        routes=[
            Route("/v1/models", list_models),
            Route("/v1/models/{name}", one_model),
            Route("/v1/chat/completions", ChatCompletions(queues), methods=["POST"]),
        ],
        middleware=[Middleware(RequireToken, token=token)],
        exception_handlers={HTTPException: _starlette_error},
    )


class RequireToken:
    """Middleware that refuses requests without the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Compare the token in constant time."""
        if scope["type"] == "http":
            given = Headers(scope=scope).get("authorization", "").encode()
            if not secrets.compare_digest(given, self._expected):
                response = _error_response(ApiError(401, "the token is missing or wrong", "invalid_api_key"))
                response.headers["WWW-Authenticate"] = "Bearer"
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


class ChatCompletions:
    """Answers `POST /v1/chat/completions`."""

    def __init__(self, queues: Mapping[str, RequestQueue]) -> None:
        self._queues = queues

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; the reply is cancelled when the client disconnects, also while it waits."""
        try:
            request = ReplyRequest.parse(await _read_body(Request(scope, receive)))
            queue = self._queues.get(request.body.model)
            if queue is None:
                raise _unknown_model(request.body.model)
        except ApiError as error:
            await _error_response(error)(scope, receive, send)
            return
        except ClientDisconnect:
            return
        async with anyio.create_task_group() as tasks:

            async def cancel_on_disconnect() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                tasks.cancel_scope.cancel()

            tasks.start_soon(cancel_on_disconnect)
            await ReplySender(request, scope, receive, send).send_reply(queue)
            tasks.cancel_scope.cancel()


class ReplySender:
    """Sends one reply: complete, or as a stream that begins with the first piece of text."""

    def __init__(self, request: ReplyRequest, scope: Scope, receive: Receive, send: Send) -> None:
        self._request = request
        self._answer = Answer(request)
        self._connection = (scope, receive, send)
        self._send = send
        self._streaming = False

    async def send_reply(self, queue: RequestQueue) -> None:
        """Send the reply, or the error: as a status before the stream has begun, then as an event."""
        stream = bool(self._request.body.stream)
        try:
            async with aclosing(queue.reply(self._request)) as events:
                async for written in events:
                    if isinstance(written, Reply):
                        await self._send_end(written, stream)
                    elif isinstance(written, Piece) and written.text and stream:
                        await self._send_chunk(self._answer.piece(written.text))
        except Exception as failure:
            error = _api_error(failure)
            if not self._streaming:
                await _error_response(error)(*self._connection)
            else:
                await self._write(event(error.document), more=False)

    async def _send_end(self, reply: Reply, stream: bool) -> None:
        if not stream:
            await _json(self._answer.whole(reply))(*self._connection)
            return
        for chunk in self._answer.last(reply):
            await self._send_chunk(chunk)
        await self._write(b"data: [DONE]\n\n", more=False)

    async def _send_chunk(self, chunk: Completion) -> None:
        """Send a chunk; before the first one, the headers."""
        if not self._streaming:
            self._streaming = True
            headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._write(event(self._answer.first()))
        await self._write(event(chunk))

    async def _write(self, data: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})


def _json(document: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(document), status, headers, "application/json")


def _error_response(error: ApiError) -> Response:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.status == 429 else None
    return _json(error.document, error.status, headers)


async def _read_body(request: Request) -> bytes:
    """Return the body of a request; one larger than LARGEST_BODY is an ApiError."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise ApiError(413, f"the body is larger than {LARGEST_BODY} bytes", "request_too_large")
    return bytes(body)


def _unknown_model(name: str) -> ApiError:
    return ApiError(404, f"there is no model {name!r} here; GET /v1/models lists them", "model_not_found", "model")


async def _starlette_error(_: Request, error: Exception) -> Response:
    """Return Starlette's own errors, such as an unknown path, in OpenAI's shape."""
    assert isinstance(error, HTTPException)
    code = "not_found" if error.status_code == 404 else "refused"
    return _error_response(ApiError(error.status_code, error.detail, code))


def _api_error(failure: Exception) -> ApiError:
    """Return what a client may know of a failure; the text of a bug may quote messages, so it is not sent."""
    match failure:
        case ApiError():
            return failure
        case PromptError():
            return ApiError(400, str(failure), "unusable_conversation", "messages")
        case ChatcloneError():
            return ApiError(500, explain(failure), "engine_failed")
        case _:
            log_failure(log, "a reply", failure)
            return ApiError(500, "the reply failed; see the server's log", "internal_error")
