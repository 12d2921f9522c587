"""Lines of the data set to samples."""

import json
from pathlib import Path

import pytest

from chatclone.prompt import IGNORED, ChatTemplate
from chatclone.training.data import line_messages, tokenize
from tests.tiny import tiny_base


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> ChatTemplate:
    """The template of a tiny base."""
    from transformers import AutoTokenizer

    folder = tiny_base(tmp_path_factory.mktemp("tiny"))
    return ChatTemplate.from_tokenizer(AutoTokenizer.from_pretrained(folder, local_files_only=True))


def line(*turns: tuple[str, str, int | None], partner: str = "Theo") -> dict[str, object]:
    messages = [{"role": r, "content": c} | ({} if w is None else {"weight": w}) for r, c, w in turns]
    return {"messages": messages, "meta": {"partner": partner}}


def test_system_turn(template: ChatTemplate) -> None:
    """The partner of the line stands in the system turn."""
    messages = line_messages(line(("user", "hey", None), ("assistant", "hi", 1)), "You are Mira, with {partner}.")
    assert messages[0].content == "You are Mira, with Theo."
    assert [m.trained for m in messages] == [False, False, True]


def test_tokenize(template: ChatTemplate, tmp_path: Path) -> None:
    """Replies of weight 1 are labelled, and a line without any is counted as refused."""
    lines = [
        line(("user", "hey", None), ("assistant", "hi there", 1), ("user", "and", None), ("assistant", "no", 0)),
        line(("user", "hey", None), ("assistant", "never", 0)),
    ]
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in lines), "utf-8")
    data = tokenize(path, template, "You are Mira.", 256)
    assert (len(data.samples), data.replies, data.refused, data.dropped_turns) == (1, 1, 1, 0)
    labels = [label for label in data.samples[0].labels if label != IGNORED]
    assert template.decode(labels) == "hi there"
    assert data.trained_tokens == len(labels)
    assert data.longest == data.tokens == len(data.columns()["input_ids"][0])


def test_window(template: ChatTemplate, tmp_path: Path) -> None:
    """Turns that do not fit are dropped from the beginning and counted."""
    turns = [("user", f"question {n}", None) if n % 2 == 0 else ("assistant", f"reply {n}", 1) for n in range(10)]
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(line(*turns)), "utf-8")
    data = tokenize(path, template, "You are Mira.", 100)
    assert data.dropped_turns > 0
    assert data.longest <= 100
    assert template.decode(data.samples[0].ids).rstrip().endswith("reply 9")
