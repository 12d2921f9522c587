"""Neutral conversations against forgetting."""

import json
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError
from chatclone.prompt.render import ChatMessage
from chatclone.training.tokenized_data import NEUTRAL, neutral_conversations


def rows(folder: Path, *lines: object) -> Path:
    path = folder / "neutral.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    return path


def row(*turns: tuple[str, str]) -> dict[str, object]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def test_share(tmp_path: Path) -> None:
    """A tenth of all samples is neutral, the same by the same seed, and no more than there are."""
    path = rows(tmp_path, *(row(("user", f"q{n}"), ("assistant", f"a{n}")) for n in range(40)))
    once = neutral_conversations(path, 0.1, 90, 7)
    assert len(once) == 10
    assert once == neutral_conversations(path, 0.1, 90, 7) != neutral_conversations(path, 0.1, 90, 8)
    assert len(neutral_conversations(path, 0.9, 90, 7)) == 40


def test_system_turn(tmp_path: Path) -> None:
    """A row keeps its system turn; one without gets a neutral one, never the persona's; its replies are trained."""
    path = rows(
        tmp_path, row(("system", "S"), ("user", "q"), ("assistant", "a")), "", row(("user", "q"), ("assistant", "b"))
    )
    both = sorted(neutral_conversations(path, 0.5, 2, 7), key=lambda messages: messages[-1].content)
    assert [messages[0].content for messages in both] == ["S", NEUTRAL]
    assert both[1][1:] == [ChatMessage("user", "q"), ChatMessage("assistant", "b", trained=True)]


@pytest.mark.parametrize("bad", ["{", "[]", '{"messages": [{"role": "tool", "content": "x"}]}', '{"messages": "x"}'])
def test_wrong_line(tmp_path: Path, bad: str) -> None:
    """The error for a line that is not a conversation has its number."""
    path = rows(tmp_path, row(("user", "q"), ("assistant", "a")), bad)
    with pytest.raises(ChatcloneError, match="line 2 "):
        neutral_conversations(path, 0.1, 90, 7)


def test_nothing_to_replay(tmp_path: Path) -> None:
    """A file without a reply, and one that cannot be read, are errors."""
    with pytest.raises(ChatcloneError, match="no conversation with a reply"):
        neutral_conversations(rows(tmp_path, row(("user", "q"))), 0.1, 90, 7)
    with pytest.raises(ChatcloneError, match="cannot read"):
        neutral_conversations(tmp_path / "none.jsonl", 0.1, 90, 7)
