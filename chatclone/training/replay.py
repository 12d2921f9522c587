"""Neutral conversations mixed in against forgetting: rows of the user's own file, under a system turn of their own.

The persona's and the assistant's manner stay apart by their system turns. The file has one conversation a line, in the
data set's own form: {"messages": [{"role", "content"}, ...]}; an assistant turn without a weight is trained on.
"""

import json
import random
from pathlib import Path

from chatclone.errors import ChatcloneError
from chatclone.prompt.render import ChatMessage, with_memory
from chatclone.training.tokenized_data import Conversation

NEUTRAL = "You are a helpful assistant."
"""The system turn of a row that brings none; the persona's is another."""
ROLES = ("system", "user", "assistant")


def replayed(path: Path, share: float, samples: int, seed: int) -> list[Conversation]:
    """Return as many rows of the file as make `share` of all samples beside `samples` others, by the seed."""
    rows = [row for number, line in enumerate(_lines(path), 1) if (row := _conversation(path, number, line))]
    if not rows:
        raise ChatcloneError(f"{path} holds no conversation with a reply", 'a line is {"messages": [...]}')
    wanted = min(len(rows), round(samples * share / (1 - share)))
    return random.Random(seed).sample(rows, wanted)


def _lines(path: Path) -> list[str]:
    try:
        return path.expanduser().read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ChatcloneError(f"replay_file {path} cannot be read: {error}", "name a file of JSON lines") from error


def _conversation(path: Path, number: int, line: str) -> Conversation | None:
    """Return a line as a conversation, or None for an empty line or one without a trained reply."""
    if not line.strip():
        return None
    try:
        turns = [(m["role"], m["content"], bool(m.get("weight", 1))) for m in json.loads(line)["messages"]]
        if any(role not in ROLES or not isinstance(content, str) for role, content, _ in turns):
            raise ValueError("a turn has a role of system, user or assistant, and content that is text")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ChatcloneError(
            f"line {number} of {path} is no conversation: {error}",
            '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}',
        ) from error
    messages = [ChatMessage(role, content, role == "assistant" and trained) for role, content, trained in turns]
    if not any(m.trained for m in messages):
        return None
    return with_memory(messages if messages[0].role == "system" else [ChatMessage("system", NEUTRAL), *messages], [])
