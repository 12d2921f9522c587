"""Lines of the data set as samples."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from chatclone.errors import ChatcloneError
from chatclone.prompt.render import IGNORED, ChatMessage, ChatTemplate
from chatclone.training.tokenized_data import Line, Turn, fitting_length, line_messages, read_conversations, tokenize
from tests import fakes


@pytest.fixture
def template() -> ChatTemplate:
    """ChatML over a tokenizer of bytes."""
    return fakes.chatml()


def line(*turns: tuple[Any, str, int | None], partner: str = "Theo") -> Line:
    return Line([Turn(*turn) for turn in turns], {"partner": partner, "session": 5})


def test_system_turn() -> None:
    """The line's partner is in the system turn."""
    messages = line_messages(line(("user", "hey", None), ("assistant", "hi", 1)), "You are Mira, with {partner}.")
    assert messages[0].content == "You are Mira, with Theo."
    assert [m.trained for m in messages] == [False, False, True]


def test_read(tmp_path: Path) -> None:
    """Each line gives a conversation and its metadata."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(msgspec.json.encode(line(("user", "hey", None), ("assistant", "hi", 1))))
    conversations, metas = read_conversations(path, "S")
    assert conversations == [
        [ChatMessage("system", "S"), ChatMessage("user", "hey"), ChatMessage("assistant", "hi", True)]
    ]
    assert metas == [{"partner": "Theo", "session": 5}]


@pytest.mark.parametrize("text", ["{", "[]", '{"messages": [{"role": "user"}]}', '{"other": 1}'])
def test_no_data_set(tmp_path: Path, text: str) -> None:
    """A file that is not a data set is a ChatcloneError."""
    (tmp_path / "train.jsonl").write_text(text, "utf-8")
    with pytest.raises(ChatcloneError, match="line 1 of"):
        read_conversations(tmp_path / "train.jsonl", "S")


def test_tokenize(template: ChatTemplate) -> None:
    """Replies of weight 1 are labelled, and a conversation without any is counted as refused."""
    lines = [
        line(("user", "hey", None), ("assistant", "hi there", 1), ("user", "and", None), ("assistant", "no", 0)),
        line(("user", "hey", None), ("assistant", "never", 0)),
    ]
    data = tokenize([line_messages(row, "You are Mira.") for row in lines], template, 256)
    assert (len(data.samples), data.replies, data.refused, data.dropped_turns) == (1, 1, 1, 0)
    labels = [label for label in data.samples[0].labels if label != IGNORED]
    assert template.decode(labels) == "hi there"
    assert data.trained_tokens == len(labels)
    assert data.longest == data.tokens == len(data.columns()["input_ids"][0])


def test_window(template: ChatTemplate) -> None:
    """Turns that do not fit are dropped from the beginning and counted."""
    turns = [("user", f"question {n}", None) if n % 2 == 0 else ("assistant", f"reply {n}", 1) for n in range(10)]
    data = tokenize([line_messages(line(*turns), "You are Mira.")], template, 100)
    assert data.dropped_turns > 0
    assert data.longest <= 100
    assert template.decode(data.samples[0].ids).rstrip().endswith("reply 9")


class TestLength:
    """The length of a sequence."""

    def test_share(self) -> None:
        """95 of 100 samples fit whole; a few long ones lose their oldest turns."""
        length, reason = fitting_length([100] * 95 + [1000] * 5, 4096)
        assert length == 128
        assert "95%" in reason and "1000" in reason

    def test_all(self) -> None:
        """If the longest are only a little longer, all fit."""
        assert fitting_length([100] * 95 + [120] * 5, 4096)[0] == 128
        assert fitting_length([300], 4096)[0] == 320

    def test_context(self) -> None:
        """The length is at most the base's context."""
        length, reason = fitting_length([900] * 100, 512)
        assert length == 512
        assert "context is 512" in reason
