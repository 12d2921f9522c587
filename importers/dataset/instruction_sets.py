"""Data sets that are pairs already, in the forms they come in, row by row: to prompts and replies, or to what is wrong.

Rows come from JSON lines, a JSON list, or CSV. A row is a conversation (`messages`, `conversations`) or one pair
(`instruction`, `input`, `output`; `prompt`, `completion`; `question`, `answer` and their like).
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importers.source import ImportFailure

_PROMPTS = ("instruction", "prompt", "question", "query", "input", "user")
_REPLIES = ("output", "completion", "response", "answer", "reply", "assistant")
_ROLES = {
    "user": "user", "human": "user", "observation": "user", "tool": "user", "assistant": "assistant",
    "gpt": "assistant", "bot": "assistant", "model": "assistant", "function_call": "assistant", "system": "system",
    "developer": "system",
}  # fmt: skip
_CSV_FIELD = 1 << 24
"""Characters of a CSV field at most; Python's own limit is too low for long answers."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A reply to learn from, what it answers, and all that was said before it; `row` is where it stands, from 1."""

    row: int
    prompt: str
    reply: str
    context: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A row, or a part of it, that cannot be learned from: the kind of fault, and what it is in words."""

    row: int
    kind: str
    what: str


def read_pairs(path: Path) -> Iterator[Pair | Wrong]:
    """Yield the pairs of a data set's file and what is wrong in it; a file that is none is an ImportFailure."""
    if not path.is_file():
        raise ImportFailure(f"there is no file {path}", "name a .jsonl, .json or .csv file")
    try:
        if path.suffix.lower() in (".csv", ".tsv"):
            yield from _rows(_csv(path))
        elif path.suffix.lower() == ".json":
            yield from _rows(_json(path))
        else:
            yield from _lines(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportFailure(f"{path} is not readable as text: {error}", "save it as UTF-8") from error


def _lines(path: Path) -> Iterator[Pair | Wrong]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                yield Wrong(number, "unreadable", f"not JSON: {error}")
                continue
            yield from _row(number, row)


def _json(path: Path) -> Sequence[Any]:
    try:
        document = json.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise ImportFailure(f"{path} is not JSON: {error}", "check that line, or save it as JSON lines") from error
    if isinstance(document, dict):
        document = next((value for value in document.values() if isinstance(value, list)), document)
    if not isinstance(document, list):
        raise ImportFailure(f"{path} holds no list of rows", "a data set is a JSON list, JSON lines or CSV")
    return document


def _csv(path: Path) -> Iterator[Any]:
    csv.field_size_limit(_CSV_FIELD)
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=head.count)
        for row in csv.DictReader(file, delimiter=delimiter):
            if row.pop(None, None) is not None:  # surplus fields stand under None
                yield "a row with more fields than the header names"
            else:
                yield {str(key).strip().casefold(): value for key, value in row.items()}


def _rows(rows: Any) -> Iterator[Pair | Wrong]:
    for number, row in enumerate(rows, start=1):
        yield from _row(number, row)


def _row(number: int, row: Any) -> Iterator[Pair | Wrong]:
    if not isinstance(row, dict):
        yield Wrong(number, "shape", f"a row is an object, and this is {_name(row)}")
    elif (turns := row.get("messages", row.get("conversations"))) is not None:
        yield from _conversation(number, turns)
    else:
        yield from _single(number, row)


def _single(number: int, row: Mapping[str, Any]) -> Iterator[Pair | Wrong]:
    prompt_key = next((key for key in _PROMPTS if key in row), None)
    reply_key = next((key for key in _REPLIES if key in row), None)
    if prompt_key is None or reply_key is None:
        known = ", ".join(list(map(str, row))[:6])
        yield Wrong(number, "shape", f"no known form: it has {known or 'no fields'}")
        return
    keys = dict.fromkeys([prompt_key, *(["input"] if "input" in row else []), reply_key])
    wrong = [key for key in keys if not isinstance(row[key], str)]
    if wrong:
        yield Wrong(number, "type", ", ".join(f"{key} is {_name(row[key])}" for key in wrong))
        return
    prompt = "\n".join(filter(None, (row[key].strip() for key in keys if key != reply_key)))
    yield Pair(number, prompt, row[reply_key].strip(), prompt)


def _conversation(number: int, turns: Any) -> Iterator[Pair | Wrong]:
    if not isinstance(turns, list) or not turns:
        yield Wrong(number, "type", f"messages is {_name(turns)}")
        return
    said: list[str] = []
    last = ""
    replied = False
    for turn in turns:
        if not isinstance(turn, dict):
            yield Wrong(number, "type", f"a message is {_name(turn)}")
            return
        role = _ROLES.get(str(turn.get("role", turn.get("from"))))
        text = _text(turn.get("content", turn.get("value")))
        if role is None or text is None:
            what = "a role is not known" if role is None else f"content is {_name(turn.get('content'))}"
            yield Wrong(number, "roles" if role is None else "type", what)
            return
        if role == last != "system":
            yield Wrong(number, "roles", f"two turns of the {role} in a row")
        if role == "assistant":
            replied = True
            if turn.get("weight", 1):
                yield Pair(number, said[-1] if said else "", text.strip(), "\n".join(said))
        if role != "system":
            said.append(text.strip())
        last = role
    if not replied:
        yield Wrong(number, "roles", "nobody replies")


def _text(content: Any) -> str | None:
    """Return a turn's text, which may be a list of parts, or None where it is none."""
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        texts = [part for part in parts if isinstance(part, str)]
        return "".join(texts) if len(texts) == len(parts) else None
    return content if isinstance(content, str) else None


def _name(value: Any) -> str:
    """Return what a value is, for people."""
    if value is None:
        return "missing"
    names = {bool: "a truth value", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "a text") if value != [] else "empty"
