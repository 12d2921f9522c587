"""Messages to text, token ids and a loss mask: the only place that renders a chat template.

Training, evaluation, every engine and the GGUF parity check call this module, so that what a model is trained on and
what it is asked in a chat are the same ids. Rendering needs jinja2 alone; a tokenizer comes in as two callables, so a
machine with only llama.cpp renders exactly what transformers would.

Templates that print today's date get a fixed one (`template_sandbox.TODAY`): the clock would give training and chat
other ids, and end a cached prefix at midnight. See `memory_block` for recalled memory and `stop_markers` for markers.
"""

import importlib.resources
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from chatclone.prompt.stop_markers import markers_of, neutralise, stop_marker_of

if TYPE_CHECKING:
    import jinja2

Role = Literal["system", "user", "assistant"]

IGNORED = -100
"""The label of a token that no loss is computed on (PyTorch's `ignore_index`)."""

KEPT_LENGTHS = 4096
"""Texts whose length in tokens is kept: the turns of a long conversation."""


class PromptError(ValueError):
    """A conversation cannot be rendered, or masked, with this template."""


class TooLong(PromptError):
    """The last turn alone does not fit into the context."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn as the model sees it; `trained` marks an assistant turn that the loss is computed on."""

    role: Role
    content: str
    trained: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation ready for an engine: as messages, as text, and as token ids that end where the reply begins."""

    messages: tuple[ChatMessage, ...]
    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A conversation ready for training: ids and labels of equal length; `dropped` turns did not fit the window."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    dropped: int = 0

    @property
    def trained_tokens(self) -> int:
        """How many tokens the loss is computed on."""
        return sum(label != IGNORED for label in self.labels)


class _Fitted(NamedTuple):
    """The part of a conversation that fits, rendered."""

    messages: list[ChatMessage]
    text: str
    ids: list[int]
    dropped: int


@dataclass(frozen=True)
class ChatTemplate:
    """A base model's own chat template, bound to its tokenizer.

    `encode` turns text into ids, reading special tokens and adding none; `decode` is its inverse, special tokens left
    out. `stop_ids` end a turn. `markers` are the strings that mean something in a prompt and must not in a message.

    Templates differ in what they take. One without a system role gets the system turn as the beginning of the first
    user turn; one that wants the user to begin gets no leading assistant turn.
    """

    source: str
    encode: Callable[[str], list[int]]
    decode: Callable[[Sequence[int]], str]
    stop_ids: frozenset[int]
    markers: tuple[str, ...]
    variables: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_tokenizer(cls, tokenizer: Any, generation_stop_ids: Iterable[int] = ()) -> "ChatTemplate":
        """Bind a transformers tokenizer; `generation_stop_ids` are the end tokens of its generation config."""
        source = chosen_source(tokenizer.chat_template)
        return cls(
            source=source,
            encode=lambda text: list(tokenizer.encode(text, add_special_tokens=False)),
            decode=lambda ids: str(tokenizer.decode(list(ids), skip_special_tokens=True)),
            stop_ids=frozenset({tokenizer.eos_token_id, *generation_stop_ids}),
            markers=markers_of(source, [*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()]),
            variables={"bos_token": tokenizer.bos_token or "", "eos_token": tokenizer.eos_token or ""},
        )

    @cached_property
    def _compiled(self) -> "jinja2.Template":
        from chatclone.prompt.template_sandbox import sandbox  # jinja2 takes as long to import as all of `--help` may

        return sandbox().from_string(self.source)

    def render(self, messages: Sequence[ChatMessage], *, reply_next: bool) -> str:
        """Return the conversation as text; `reply_next` ends it with the header of the assistant's turn."""
        merged = merge_roles(messages)
        if not self._takes_system:
            merged = _fold_system(merged)
        turns = [{"role": m.role, "content": neutralise(m.content, self.markers)} for m in merged]
        return self._rendered(turns, reply_next)

    @cached_property
    def stop_marker(self) -> str:
        """The text that ends a reply beside the end-of-turn token, where the template has one; else empty."""
        return stop_marker_of(self.source)

    @cached_property
    def _takes_system(self) -> bool:
        """Whether a system turn is rendered, and not refused or left out."""
        turns = [{"role": "system", "content": "xyzzy"}, {"role": "user", "content": "x"}]
        try:
            return "xyzzy" in self._rendered(turns, True)
        except PromptError:
            return False

    @cached_property
    def _assistant_may_begin(self) -> bool:
        turns = [{"role": role, "content": "x"} for role in ("assistant", "user", "assistant")]
        try:
            return bool(self._rendered(turns, False))
        except PromptError:
            return False

    def _rendered(self, turns: list[dict[str, str]], reply_next: bool) -> str:
        import jinja2

        try:
            return self._compiled.render(messages=turns, add_generation_prompt=reply_next, **self.variables)
        except jinja2.TemplateError as error:
            raise PromptError(f"the chat template refuses this conversation: {error}") from error

    def prompt(self, messages: Sequence[ChatMessage], limit: int) -> Prompt:
        """Render for a reply within `limit` tokens; as few of the oldest turns as possible are dropped."""
        fitted = self._fit(messages, limit, reply_next=True)
        return Prompt(tuple(fitted.messages), fitted.text, tuple(fitted.ids))

    @cached_property
    def length(self) -> Callable[[str], int]:
        """How many tokens a text has; the turns of a conversation are counted again for each reply, so it is kept."""
        return lru_cache(KEPT_LENGTHS)(lambda text: len(self.encode(text)))

    @cached_property
    def turn_overhead(self) -> int:
        """Tokens of a turn beside those of its text, rounded up."""
        pair = [ChatMessage("user", "x"), ChatMessage("assistant", "x")]
        two, four = (len(self.encode(self.render(pair * n, reply_next=False))) for n in (1, 2))
        return -(-(four - two) // 2)

    def sample(self, messages: Sequence[ChatMessage], limit: int) -> Sample:
        """Tokenise for training within `limit` tokens and mask all but the trained replies and their end of turn.

        The mask is found by comparing prefixes: the ids up to a reply, rendered as for inference, must be the
        beginning of the ids of the whole. Raises PromptError where they are not, or where nothing would be trained.
        """
        kept, _, ids, dropped = self._fit(merge_roles(messages), limit, reply_next=False)
        labels = [IGNORED] * len(ids)
        for position, message in enumerate(kept):
            if message.role == "assistant" and message.trained:
                start, end = self._reply_span(kept, position, ids)
                labels[start:end] = ids[start:end]
        if all(label == IGNORED for label in labels):
            raise PromptError("no token of this conversation would be trained")
        return Sample(tuple(ids), tuple(labels), dropped)

    def _reply_span(self, messages: Sequence[ChatMessage], position: int, ids: list[int]) -> tuple[int, int]:
        """Return where the reply at `position` begins and ends (after its end-of-turn token) in `ids`."""
        before = self.encode(self.render(messages[:position], reply_next=True))
        until = self.encode(self.render(messages[: position + 1], reply_next=False))
        # The first one: no message holds such a token, and some templates end the whole with another.
        end = next((i + 1 for i in range(len(before), len(until)) if until[i] in self.stop_ids), None)
        if end is None:
            raise PromptError("the template closes a reply with no end-of-turn token")
        if until[: len(before)] != before or ids[:end] != until[:end]:
            raise PromptError("the template renders a reply differently for training and for a chat")
        return len(before), end

    def _fit(self, messages: Sequence[ChatMessage], limit: int, *, reply_next: bool) -> "_Fitted":
        """Drop as few of the oldest turns after the system turn as leave at most `limit` tokens."""
        head = [m for m in messages[:1] if m.role == "system"]
        turns = list(messages[len(head) :])
        if not self._assistant_may_begin:
            turns = turns[next((i for i, m in enumerate(turns) if m.role == "user"), len(turns)) :]
        last = max(0, len(turns) - (1 if reply_next else 2))
        starts = [i for i in range(last + 1) if i == last or self._assistant_may_begin or turns[i].role == "user"]

        @lru_cache(None)
        def fitted(dropped: int) -> _Fitted:
            kept = [*head, *turns[dropped:]]
            text = self.render(kept, reply_next=reply_next)
            return _Fitted(kept, text, self.encode(text), dropped)

        if len((whole := fitted(0)).ids) <= limit:  # nearly always
            return whole
        first = bisect_left(starts, True, lo=1, key=lambda start: len(fitted(start).ids) <= limit)
        if first >= len(starts):
            raise TooLong(f"the last turn alone is longer than {limit} tokens")
        return fitted(starts[first])


def chosen_source(own: str | None) -> str:
    """Return the template to use for a base that brings `own`: its own wherever that can be trained on.

    A base without one gets ours, with a stop marker, since a base model has no end of turn that it uses. Qwen3's
    hybrid template renders thinking differently for history and for a reply; ours writes it, empty, everywhere.
    """
    if not own:
        return _template("plain")
    return _template("qwen3") if "enable_thinking" in own and "<|im_start|>" in own else own


def merge_roles(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Join consecutive turns of one role by a newline; a merged reply is trained if all its parts are."""
    merged: list[ChatMessage] = []
    for message in messages:
        if merged and merged[-1].role == message.role:
            last = merged.pop()
            content = f"{last.content}\n{message.content}"
            merged.append(ChatMessage(message.role, content, last.trained and message.trained))
        else:
            merged.append(message)
    return merged


def _fold_system(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Put the system turn at the beginning of the first user turn."""
    if not messages or messages[0].role != "system":
        return list(messages)
    system, *rest = messages
    first = next((i for i, m in enumerate(rest) if m.role == "user"), None)
    if first is not None:
        rest[first] = replace(rest[first], content=f"{system.content}\n\n{rest[first].content}")
    return rest


def _template(name: str) -> str:
    return (importlib.resources.files("chatclone.prompt") / "templates" / f"{name}.jinja").read_text("utf-8")
