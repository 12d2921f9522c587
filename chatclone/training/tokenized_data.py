"""The data set's lines to conversations, and conversations to token ids and labels, by the one prompt path."""

import hashlib
import json
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatclone.errors import ChatcloneError
from chatclone.prompt.render import ChatMessage, ChatTemplate, PromptError, Sample, with_memory

Conversation = list[ChatMessage]
"""One sample before it is rendered, system turn first."""

LENGTH_SHARE = 0.95
"""The share of samples that must fit a sequence whole."""
LENGTH_STEP = 64
STRETCH = 1.5
"""Where the longest sample is no longer than this times the length that the share needs, all fit whole."""


@dataclass(frozen=True)
class TokenizedData:
    """Samples ready for a trainer; `dropped_turns` did not fit the window, `refused` lines gave no sample."""

    samples: list[Sample]
    replies: int
    dropped_turns: int
    refused: int

    @property
    def trained_tokens(self) -> int:
        """Tokens the loss is computed on, once through the data."""
        return sum(sample.trained_tokens for sample in self.samples)

    @property
    def tokens(self) -> int:
        """All tokens, context included, once through the data."""
        return sum(len(sample.ids) for sample in self.samples)

    @property
    def longest(self) -> int:
        """Tokens of the longest sample."""
        return max(len(sample.ids) for sample in self.samples)

    @property
    def digest(self) -> str:
        """A hash of all ids and labels, in their order."""
        found = hashlib.sha256()
        for sample in self.samples:
            found.update(array("q", (len(sample.ids), *sample.ids, *sample.labels)).tobytes())
        return found.hexdigest()[:32]

    def columns(self) -> dict[str, list[list[int]]]:
        """Return the columns that TRL takes as they are."""
        return {
            "input_ids": [list(s.ids) for s in self.samples],
            "labels": [list(s.labels) for s in self.samples],
        }


def tokenize(conversations: Sequence[Conversation], template: ChatTemplate, max_length: int) -> TokenizedData:
    """Tokenise conversations within `max_length`; the oldest turns that do not fit are dropped and counted."""
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
    """Return how long a sequence must be for samples of these `lengths`, at most the base's `context`, and why."""
    ordered = sorted(lengths)
    needed = ordered[math.ceil(LENGTH_SHARE * len(ordered)) - 1]
    longest = ordered[-1]
    if longest <= STRETCH * needed:
        length, why = longest, f"the longest sample has {longest} tokens"
    else:
        length = needed
        why = f"{LENGTH_SHARE:.0%} of the samples have at most {needed} tokens, the longest {longest}"
    rounded = math.ceil(length / LENGTH_STEP) * LENGTH_STEP
    if rounded >= context:
        return context, f"{why}; the base takes {context}"
    return rounded, why


def read_conversations(path: Path, system: str) -> tuple[list[Conversation], list[dict[str, Any]]]:
    """Read a JSONL data set: each line as the conversation that the model sees, and what the line says of itself."""
    try:
        lines = list(read_lines(path))
        return [line_messages(line, system) for line in lines], [line.get("meta", {}) for line in lines]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ChatcloneError(f"{path} is not a data set: {error}", "import again: chatclone import") from error


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSONL file."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def line_messages(line: dict[str, Any], system: str) -> Conversation:
    """Return a line of the data set as the conversation that the model sees; `{partner}` in `system` is filled in."""
    partner = line.get("meta", {}).get("partner", "")
    turns = [ChatMessage(m["role"], m["content"], bool(m.get("weight", 0))) for m in line["messages"]]
    return with_memory(
        [
            ChatMessage("system", system.replace("{partner}", partner or "a friend")),
            *turns,
        ],
        [],
    )
