"""OpenAI's chat format, as far as a clone speaks it: requests in, answers, chunks and errors out.

The persona's own system prompt stands, since it is what the model was trained with: a client's system messages are
left out. Whatever a request asks for and does not get is named in the answer's `chatclone.ignored`.
"""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chatclone.clone.clone import Clone, Reply, hit_document
from chatclone.engines.protocol import Sampling
from chatclone.prompt.render import ChatMessage

RANGES = {"temperature": (0.0, 2.0), "top_p": (0.0, 1.0), "min_p": (0.0, 1.0)}
SEEDS = 2**31
"""Every engine takes seeds below this one; a larger or negative seed is as good as its remainder."""
HEEDED = frozenset(
    {"model", "messages", "stream", "stream_options", "n", "seed", "max_tokens", "max_completion_tokens", *RANGES}
)
IN_VAIN: tuple[Any, ...] = (None, False, 0, "", [], {})
"""Values that ask for nothing, so that nothing is said where a field with one of them has no effect."""


class ApiError(Exception):
    """A refusal in OpenAI's shape."""

    def __init__(self, status: int, message: str, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param

    @property
    def document(self) -> dict[str, Any]:
        """The body of the refusal."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


@dataclass(frozen=True)
class Ask:
    """A request for one reply: the turns, what it sets of the sampling, and how the answer should come."""

    model: str
    turns: tuple[ChatMessage, ...]
    sampling: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False
    include_usage: bool = False
    ignored: tuple[str, ...] = ()

    @classmethod
    def read(cls, body: bytes) -> "Ask":
        """Read the body of a request; raises ApiError where it makes no sense."""
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError):
            raise ApiError(400, "the body is not JSON", "invalid_json") from None
        if not isinstance(fields, dict):
            raise ApiError(400, "the body must be a JSON object", "invalid_json")
        if fields.get("n") not in (None, 1):
            raise _wrong("n", "a clone gives one reply")
        turns, left_out = _turns(fields.get("messages"))
        ignored = [name for name, value in fields.items() if name not in HEEDED and value not in IN_VAIN]
        options = fields.get("stream_options")
        return cls(
            model=str(fields.get("model", "")),
            turns=turns,
            sampling=_sampling(fields),
            stream=fields.get("stream") is True,
            include_usage=isinstance(options, dict) and options.get("include_usage") is True,
            ignored=tuple(sorted({*ignored, *left_out})),
        )

    def applied(self, default: Sampling, context: int) -> Sampling:
        """Return the sampling of this reply; half of the context is left for the prompt, whatever is asked."""
        wanted = replace(default, **self.sampling)
        return replace(wanted, max_tokens=min(wanted.max_tokens, context // 2))


class Answer:
    """The documents that one reply becomes."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": ask.model}

    def whole(self, reply: Reply) -> dict[str, Any]:
        """Return the answer of a request that does not stream."""
        message = {"role": "assistant", "content": reply.text}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply)}
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": _usage(reply),
            "chatclone": self._own(reply),
        }

    def first(self) -> dict[str, Any]:
        """Return the chunk that says who speaks."""
        return self._chunk({"role": "assistant", "content": ""})

    def piece(self, text: str) -> dict[str, Any]:
        """Return the chunk of a piece of text."""
        return self._chunk({"content": text})

    def last(self, reply: Reply) -> list[dict[str, Any]]:
        """Return the chunks after the text: why it ended and what memory gave, and the usage where it was asked for."""
        ended = self._chunk({}, _finish(reply)) | {"chatclone": self._own(reply)}
        if not self._ask.include_usage:
            return [ended]
        return [ended, {**self._chunk({}), "choices": [], "usage": _usage(reply)}]

    def _chunk(self, delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def _own(self, reply: Reply) -> dict[str, Any]:
        return {"memory": [hit_document(hit) for hit in reply.memory], "ignored": list(self._ask.ignored)}


def model_document(name: str, clone: Clone) -> dict[str, Any]:
    """Return a persona as OpenAI lists a model; `max_model_len` is vLLM's field for the context."""
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "chatclone",
        "max_model_len": clone.engine.context,
    }


def event(document: dict[str, Any]) -> bytes:
    """Return a document as a server-sent event."""
    return b"data: " + json.dumps(document, ensure_ascii=False).encode(errors="replace") + b"\n\n"


def _turns(messages: Any) -> tuple[tuple[ChatMessage, ...], list[str]]:
    """Return the conversation, which ends with the user, and what was left out of it."""
    if not isinstance(messages, list) or not messages:
        raise _wrong("messages", "messages must be a list that is not empty")
    turns: list[ChatMessage] = []
    left_out: list[str] = []
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role in ("system", "developer"):
            left_out.append(f"{role} message")
        elif role == "user" or role == "assistant":
            if text := _text(message.get("content")).strip():
                turns.append(ChatMessage(role, text))
        else:
            raise _wrong("messages", "a clone knows the roles system, user and assistant")
    if not turns or turns[-1].role != "user":
        raise _wrong("messages", "the last message must be the user's")
    return tuple(turns), left_out


def _text(content: Any) -> str:
    """Return the text of a message, which may come in parts."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise _wrong("messages", "content must be text")
    parts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content]
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) < len(parts):
        raise _wrong("messages", "a clone reads text only")
    return "\n".join(texts)


def _sampling(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the sampling fields that are set, checked."""
    chosen: dict[str, Any] = {}
    for name, (low, high) in RANGES.items():
        if (value := fields.get(name)) is not None:
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise _wrong(name, f"{name} must be a number from {low:g} to {high:g}")
            chosen[name] = float(value)
    for name in ("max_tokens", "max_completion_tokens", "seed"):
        if (value := fields.get(name)) is not None:
            if isinstance(value, bool) or not isinstance(value, int) or (value < 1 and name != "seed"):
                raise _wrong(name, f"{name} must be a whole number")
            chosen |= {"seed": value % SEEDS} if name == "seed" else {"max_tokens": value}
    return chosen


def _wrong(param: str, message: str) -> ApiError:
    return ApiError(400, message, "invalid_value", param)


def _finish(reply: Reply) -> str:
    return "length" if reply.stopped_by == "length" else "stop"


def _usage(reply: Reply) -> dict[str, Any]:
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.reply_tokens,
        "total_tokens": reply.prompt_tokens + reply.reply_tokens,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
    }
