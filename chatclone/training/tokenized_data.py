"""The data set's lines as conversations, and conversations as token ids and labels; neutral conversations to mix in."""

import hashlib
import math
import random
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from chatclone.errors import ChatcloneError
from chatclone.i18n.message import Message
from chatclone.prompt.memory_block import with_memory
from chatclone.prompt.render import ChatMessage, ChatTemplate, PromptError, Sample

Conversation = list[ChatMessage]
"""One sample before it is rendered, system turn first."""

LENGTH_SHARE = 0.95
"""This share of the samples must fit into a sequence whole."""
LENGTH_STEP = 64
"""Lengths are rounded up to multiples of this."""
STRETCH = 1.5
"""If the longest sample is at most this many times the length for that share, all fit whole."""
NEUTRAL = "You are a helpful assistant."
"""The system turn of a neutral conversation without one, so that it differs from the persona's."""


class Turn(msgspec.Struct, omit_defaults=True):
    """One turn in a line of the data set; `weight` 1 is trained, 0 is context, absent by the line's kind."""

    role: Literal["system", "user", "assistant"]
    content: str
    weight: int | float | None = None


class Line(msgspec.Struct):
    """A line of a data set, in the OpenAI chat fine-tuning format."""

    messages: list[Turn]
    meta: dict[str, Any] = {}


class TokenizedData(NamedTuple):
    """Samples ready for a trainer; `dropped_turns` did not fit, `refused` conversations gave no sample."""

    samples: list[Sample]
    replies: int
    dropped_turns: int
    refused: int

    @property
    def trained_tokens(self) -> int:
        """Tokens the loss is computed on, in one epoch."""
        return sum(sample.trained_tokens for sample in self.samples)

    @property
    def tokens(self) -> int:
        """All tokens, context included, in one epoch."""
        return sum(len(sample.ids) for sample in self.samples)

    @property
    def longest(self) -> int:
        """Tokens of the longest sample."""
        return max(len(sample.ids) for sample in self.samples)

    @property
    def digest(self) -> str:
        """A hash of all ids and labels, in their order."""
        digest = hashlib.sha256()
        for sample in self.samples:
            digest.update(array("q", (len(sample.ids), *sample.ids, *sample.labels)).tobytes())
        return digest.hexdigest()[:32]

    def columns(self) -> dict[str, list[list[int]]]:
        """Return the columns that TRL takes as they are."""
        return {
            "input_ids": [list(s.ids) for s in self.samples],
            "labels": [list(s.labels) for s in self.samples],
        }


def tokenize(conversations: Sequence[Conversation], template: ChatTemplate, max_length: int) -> TokenizedData:
    """Tokenise conversations within `max_length` tokens; the oldest turns that do not fit are dropped and counted."""
    samples: list[Sample] = []
    replies = refused = 0
    for messages in conversations:
        try:
            samples.append(template.sample(messages, max_length))
            replies += sum(m.trained for m in messages)
        except PromptError:
            refused += 1
    return TokenizedData(samples, replies, sum(s.dropped for s in samples), refused)


def fitting_length(lengths: Sequence[int], context: int) -> tuple[int, str]:
    """Return the tokens a sequence needs for samples of these `lengths`, at most the base's `context`, and why."""
    needed = sorted(lengths)[math.ceil(LENGTH_SHARE * len(lengths)) - 1]
    longest = max(lengths)
    why = "the longest sample has {longest} tokens"
    if longest > STRETCH * needed:
        why = "{share:.0%} of the samples have at most {needed} tokens, the longest {longest}"
    length = math.ceil((longest if longest <= STRETCH * needed else needed) / LENGTH_STEP) * LENGTH_STEP
    if length >= context:
        length, why = context, why + "; the base's context is {context}"
    return length, Message(why, longest=longest, needed=needed, share=LENGTH_SHARE, context=context)


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a data set; one of another form is an error with its number."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            yield _decoded(path, number, line, "import again: chatclone import")


def read_conversations(path: Path, system: str) -> tuple[list[Conversation], list[dict[str, Any]]]:
    """Return each line of a data set as the conversation the model sees, and the lines' metadata."""
    lines = list(read_lines(path))
    return [line_messages(line, system) for line in lines], [line.meta for line in lines]


def line_messages(line: Line, system: str) -> Conversation:
    """Return a line of the data set as the conversation the model sees; `{partner}` in `system` is filled in."""
    partner = line.meta.get("partner") or "a friend"
    turns = [ChatMessage(turn.role, turn.content, bool(turn.weight)) for turn in line.messages]
    return with_memory([ChatMessage("system", system.replace("{partner}", partner)), *turns], [])


def neutral_conversations(path: Path, share: float, samples: int, seed: int) -> list[Conversation]:
    """Return conversations of a file, chosen by `seed`, so many that they are `share` of all beside `samples` others.

    They are mixed in against forgetting. An assistant turn without a weight is trained; a conversation without a
    trained turn is left out.
    """
    try:
        lines = path.expanduser().read_bytes().splitlines()
    except OSError as error:
        hint = "name a file of JSON lines"
        raise ChatcloneError("cannot read replay_file {path}: {error}", hint, path=path, error=error) from error
    hint = '{{"messages": [{{"role": "user", "content": "…"}}, {{"role": "assistant", "content": "…"}}]}}'
    decoded = [_decoded(path, number, line, hint) for number, line in enumerate(lines, 1) if line.strip()]
    found = [_neutral(line) for line in decoded if any(_is_trained(turn) for turn in line.messages)]
    if not found:
        hint = "each line must look like {example}"
        example = '{"messages": [...]}'
        raise ChatcloneError("{path} has no conversation with a reply", hint, path=path, example=example)
    wanted = min(len(found), round(samples * share / (1 - share)))
    return random.Random(seed).sample(found, wanted)


def _neutral(line: Line) -> Conversation:
    turns = [ChatMessage(turn.role, turn.content, _is_trained(turn)) for turn in line.messages]
    return with_memory(turns if turns[0].role == "system" else [ChatMessage("system", NEUTRAL), *turns], [])


def _is_trained(turn: Turn) -> bool:
    return turn.role == "assistant" and turn.weight != 0


def _decoded(path: Path, number: int, line: bytes, hint: str) -> Line:
    try:
        return msgspec.json.decode(line, type=Line)
    except msgspec.DecodeError as error:
        raise ChatcloneError(
            "line {number} of {path} is not a conversation: {error}", hint, number=number, path=path, error=error
        ) from error
