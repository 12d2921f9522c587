"""Messages to text, token ids and a loss mask: the only place that renders a chat template.

Training, evaluation, every engine and the GGUF parity check call this module, so that what a model is trained on and
what it is asked in a chat are the same ids. Rendering needs jinja2 alone; a tokenizer comes in as two callables, so a
machine with only llama.cpp renders exactly what transformers would.
"""

import importlib.resources
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, NoReturn

import jinja2
from jinja2.ext import Extension
from jinja2.nodes import CallBlock, Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

Role = Literal["system", "user", "assistant"]

IGNORED = -100
"""The label of a token that no loss is computed on (PyTorch's `ignore_index`)."""

_STOP_MARKER = re.compile(r"\{#-? stop_marker=(.+?) -?#\}")

MEMORY_OPEN, MEMORY_CLOSE = "<memory>", "</memory>"


class PromptError(ValueError):
    """A conversation cannot be rendered, or masked, with this template."""


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
            variables={
                "bos_token": tokenizer.bos_token or "",
                "eos_token": tokenizer.eos_token or "",
            },
        )

    @cached_property
    def _compiled(self) -> jinja2.Template:
        return _environment().from_string(self.source)

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
        found = _STOP_MARKER.search(self.source)
        return found.group(1) if found else ""

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
        try:
            return self._compiled.render(messages=turns, add_generation_prompt=reply_next, **self.variables)
        except jinja2.TemplateError as error:
            raise PromptError(f"the chat template refuses this conversation: {error}") from error

    def prompt(self, messages: Sequence[ChatMessage], limit: int, step: int = 1) -> Prompt:
        """Render for a reply within `limit` tokens, the oldest turns dropped `step` at a time.

        A step above one keeps the beginning of the prompt, and so an engine's cached prefix, the same for several
        turns after the context is full.
        """
        kept, _ = self._fit(messages, limit, step, reply_next=True)
        text = self.render(kept, reply_next=True)
        return Prompt(tuple(kept), text, tuple(self.encode(text)))

    def sample(self, messages: Sequence[ChatMessage], limit: int) -> Sample:
        """Tokenise for training within `limit` tokens and mask all but the trained replies and their end of turn.

        The mask is found by comparing prefixes: the ids up to a reply, rendered as for inference, must be the
        beginning of the ids of the whole. Raises PromptError where they are not, or where nothing would be trained.
        """
        kept, dropped = self._fit(merge_roles(messages), limit, 1, reply_next=False)
        ids = self.encode(self.render(kept, reply_next=False))
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

    def _fit(
        self,
        messages: Sequence[ChatMessage],
        limit: int,
        step: int,
        *,
        reply_next: bool,
    ) -> tuple[list[ChatMessage], int]:
        """Drop the oldest turns after the system turn, `step` at a time, until the rest is at most `limit` tokens."""
        head = [m for m in messages[:1] if m.role == "system"]
        turns = list(messages[len(head) :])
        if not self._assistant_may_begin:
            turns = turns[next((i for i, m in enumerate(turns) if m.role == "user"), len(turns)) :]
            step += step % 2
        for dropped in range(0, len(turns), step):
            kept = [*head, *turns[dropped:]]
            if len(self.encode(self.render(kept, reply_next=reply_next))) <= limit:
                return kept, dropped
        last = [*head, *turns[-1 if reply_next else -2 :]]
        if len(self.encode(self.render(last, reply_next=reply_next))) <= limit:
            return last, len(turns) - len(last) + len(head)
        raise PromptError(f"the last turn alone is longer than {limit} tokens")


def chosen_source(own: str | None) -> str:
    """Return the template to use for a base that brings `own`: its own wherever that can be trained on.

    A base without one gets ours, with a stop marker, since a base model has no end of turn that it uses. Qwen3's
    hybrid template renders thinking differently for history and for a reply; ours writes it, empty, everywhere.
    """
    if not own:
        return _template("plain")
    return _template("qwen3") if "enable_thinking" in own and "<|im_start|>" in own else own


def markers_of(source: str, special_tokens: Iterable[str]) -> tuple[str, ...]:
    """Return what must not stand in a message: the tokenizer's special tokens, and our own template's delimiters."""
    own = {"<<<", ">>>", *_STOP_MARKER.findall(source)} if _STOP_MARKER.search(source) else set()
    return tuple(sorted({token for token in special_tokens if token.strip()} | own, key=lambda m: (-len(m), m)))


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


def with_memory(messages: Sequence[ChatMessage], quotes: Sequence[str]) -> list[ChatMessage]:
    """Put recalled lines into the last user turn, as a delimited block before its text.

    Nothing in a quote or in any user turn can open or close the block: it is data, whatever it says. The turns before
    stay as they are, so a cached prefix stays valid.
    """
    delimiters = (MEMORY_OPEN, MEMORY_CLOSE)
    result = [replace(m, content=neutralise(m.content, delimiters)) if m.role == "user" else m for m in messages]
    last = max((i for i, m in enumerate(result) if m.role == "user"), default=None)
    if last is None or not quotes:
        return result
    lines = [neutralise(" ".join(quote.split()), delimiters) for quote in quotes]
    block = "\n".join([MEMORY_OPEN, *lines, MEMORY_CLOSE])
    result[last] = replace(result[last], content=f"{block}\n{result[last].content}")
    return result


def neutralise(content: str, markers: Iterable[str]) -> str:
    """Break every marker in `content` by a space after its first character, so that it stays text."""
    content = content.strip()
    for marker in markers:
        if len(marker) > 1 and marker in content:
            content = content.replace(marker, f"{marker[0]} {marker[1:]}")
    return content


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
    return (importlib.resources.files("chatclone") / "templates" / f"{name}.jinja").read_text("utf-8")


class _Generation(Extension):
    """Accepts `{% generation %}…{% endgeneration %}`, which some templates carry for TRL, and passes it through."""

    tags = {"generation"}  # noqa: RUF012 - declared so by jinja2

    def parse(self, parser: Parser) -> Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return CallBlock(self.call_method("_pass"), [], [], body).set_lineno(line)

    def _pass(self, caller: Callable[[], str]) -> str:
        return caller()


def _environment() -> ImmutableSandboxedEnvironment:
    """Return the sandbox that transformers renders chat templates in (its utils/chat_template_utils.py)."""

    def raise_exception(message: str) -> NoReturn:
        raise jinja2.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols", _Generation],
    )
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment
