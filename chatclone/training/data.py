"""The data set's lines to token ids and labels, by the one prompt path."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatclone.prompt import ChatMessage, ChatTemplate, PromptError, Sample, with_memory


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

    def columns(self) -> dict[str, list[list[int]]]:
        """Return the columns that TRL takes as they are."""
        return {
            "input_ids": [list(s.ids) for s in self.samples],
            "labels": [list(s.labels) for s in self.samples],
        }


def tokenize(path: Path, template: ChatTemplate, system: str, max_length: int) -> TokenizedData:
    """Read a JSONL data set and tokenise each line; `{partner}` in `system` is filled in from the line."""
    samples: list[Sample] = []
    replies = refused = 0
    for line in read_lines(path):
        messages = line_messages(line, system)
        try:
            samples.append(template.sample(messages, max_length))
            replies += sum(m.trained for m in messages)
        except PromptError:
            refused += 1
    return TokenizedData(samples, replies, sum(s.dropped for s in samples), refused)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSONL file."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def line_messages(line: dict[str, Any], system: str) -> list[ChatMessage]:
    """Return a line of the data set as the conversation that the model sees, system turn first."""
    partner = line.get("meta", {}).get("partner", "")
    turns = [ChatMessage(m["role"], m["content"], bool(m.get("weight", 0))) for m in line["messages"]]
    return with_memory(
        [
            ChatMessage("system", system.replace("{partner}", partner or "a friend")),
            *turns,
        ],
        [],
    )
