"""OpenAI's chat format, as far as a clone implements it: requests, answers, chunks and errors.

The persona's own system prompt stays, since the model was trained with it: a client's system messages are left out.
Whatever a request asks for without effect is listed in the answer's `chatclone.ignored`.
"""

import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chatclone.clone.clone import Reply, hit_document
from chatclone.personas.sampling import Sampling
from chatclone.prompt.render import ChatMessage

SEEDS = 2**31
"""Every engine takes seeds below this one; other seeds are replaced by their remainder."""
NO_EFFECT: tuple[object, ...] = (None, False, 0, "", [], {})
"""Values of unknown fields that ask for nothing, and so are not listed as ignored."""

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1)]


class ApiError(Exception):
    """A refusal in OpenAI's shape."""

    def __init__(self, status: int, message: str, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param

    @property
    def document(self) -> dict[str, dict[str, str | None]]:
        """The body of the response."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


class TextPart(msgspec.Struct, tag_field="type", tag="text"):
    """A part of a message; other kinds than text are refused."""

    text: str


class RequestMessage(msgspec.Struct):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content).strip()
        return (self.content or "").strip()


class RequestBody(msgspec.Struct, kw_only=True):
    """The body of `POST /v1/chat/completions`; null is the same as a missing field."""

    model: str = ""
    messages: Annotated[list[RequestMessage], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    """Of which `include_usage` counts."""
    n: Literal[1] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Share | None = None
    min_p: Share | None = None
    seed: int | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None


@dataclass(frozen=True)
class ReplyRequest:
    """A request for one reply."""

    body: RequestBody
    turns: tuple[ChatMessage, ...]
    ignored: tuple[str, ...]
    """What the request asks for without effect."""

    @classmethod
    def parse(cls, data: bytes) -> "ReplyRequest":
        """Read the body of a request; ApiError where it is not valid."""
        try:
            fields = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ApiError(400, "the body is not JSON", "invalid_json") from None
        if not isinstance(fields, dict):
            raise ApiError(400, "the body must be a JSON object", "invalid_json")
        try:
            body = msgspec.convert(fields, RequestBody)
        except msgspec.ValidationError as error:
            raise _invalid(str(error)) from None
        turns = [ChatMessage(m.role, m.text) for m in body.messages if m.role in ("user", "assistant") and m.text]
        if not turns or turns[-1].role != "user":
            raise ApiError(400, "the last message must be the user's", "invalid_value", "messages")
        unknown = {name for name in fields.keys() - set(body.__struct_fields__) if fields[name] not in NO_EFFECT}
        left_out = {f"{m.role} message" for m in body.messages if m.role in ("system", "developer")}
        return cls(body, tuple(turns), tuple(sorted(unknown | left_out)))

    def sampling(self, default: Sampling, context: int) -> Sampling:
        """Return the sampling of this reply; half of the context is always left for the prompt."""
        body = self.body
        asked: dict[str, Any] = {
            "temperature": body.temperature,
            "top_p": body.top_p,
            "min_p": body.min_p,
            "seed": None if body.seed is None else body.seed % SEEDS,
            "max_tokens": body.max_completion_tokens or body.max_tokens,
        }
        wanted = replace(default, **{name: value for name, value in asked.items() if value is not None})
        return replace(wanted, max_tokens=min(wanted.max_tokens, context // 2))


class Usage(msgspec.Struct):
    """Tokens of a reply."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]


class Text(msgspec.Struct, omit_defaults=True):
    """A message, or in a chunk the new part of it."""

    role: str | None = None
    content: str | None = None


class Choice(msgspec.Struct):
    """The reply: as a message, or in a chunk as a delta."""

    index: int = 0
    message: Text | UnsetType = UNSET
    delta: Text | UnsetType = UNSET
    logprobs: None = None
    finish_reason: str | None = None


class Extension(msgspec.Struct):
    """Our own fields of an answer."""

    memory: list[dict[str, Any]]
    """The passages used for the reply, as in `chat --once --json`."""
    ignored: Sequence[str]


class Completion(msgspec.Struct, kw_only=True):
    """An answer, or a chunk of it."""

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage | UnsetType = UNSET
    chatclone: Extension | UnsetType = UNSET


class Model(msgspec.Struct):
    """A persona, as OpenAI lists a model."""

    id: str
    max_model_len: int
    """vLLM's field for the context in tokens."""
    object: str = "model"
    created: int = 0
    owned_by: str = "chatclone"


class Answer:
    """Builds the documents of one reply."""

    def __init__(self, request: ReplyRequest) -> None:
        self._request = request
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())

    def whole(self, reply: Reply) -> Completion:
        """Return the answer to a request that does not stream."""
        choice = Choice(message=Text("assistant", reply.text), finish_reason=_finish(reply))
        return self._completion("chat.completion", [choice], usage=_usage(reply), chatclone=self._extension(reply))

    def first(self) -> Completion:
        """Return the chunk that names the role."""
        return self._chunk(Text("assistant", ""))

    def piece(self, text: str) -> Completion:
        """Return the chunk of a piece of text."""
        return self._chunk(Text(content=text))

    def last(self, reply: Reply) -> list[Completion]:
        """Return the chunks after the text: finish reason and memory, then the usage where it was asked for."""
        end = self._chunk(Text(), finish=_finish(reply), chatclone=self._extension(reply))
        if (self._request.body.stream_options or {}).get("include_usage") is not True:
            return [end]
        return [end, self._completion("chat.completion.chunk", [], usage=_usage(reply))]

    def _chunk(self, delta: Text, *, finish: str | None = None, **more: Any) -> Completion:
        return self._completion("chat.completion.chunk", [Choice(delta=delta, finish_reason=finish)], **more)

    def _completion(self, kind: str, choices: list[Choice], **more: Any) -> Completion:
        model = self._request.body.model
        return Completion(id=self._id, object=kind, created=self._created, model=model, choices=choices, **more)

    def _extension(self, reply: Reply) -> Extension:
        return Extension([hit_document(hit) for hit in reply.memory], self._request.ignored)


def event(document: object) -> bytes:
    """Return a document as a server-sent event."""
    return b"data: " + msgspec.json.encode(document) + b"\n\n"


def _invalid(error: str) -> ApiError:
    """Return msgspec's error with the field's name, such as "temperature: expected `float` <= 2.0"."""
    what, _, path = error.partition(" - at `$.")
    missing = re.search(r"field `(\w+)`", what)
    param = re.split(r"\W", path)[0] or (missing[1] if missing else None)
    what = what[:1].lower() + what[1:]
    return ApiError(400, f"{path.rstrip('`')}: {what}" if path else what, "invalid_value", param)


def _finish(reply: Reply) -> str:
    return "length" if reply.stopped_by == "length" else "stop"


def _usage(reply: Reply) -> Usage:
    total = reply.prompt_tokens + reply.reply_tokens
    return Usage(reply.prompt_tokens, reply.reply_tokens, total, {"cached_tokens": reply.cached_tokens})
