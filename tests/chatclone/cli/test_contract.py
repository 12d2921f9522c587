"""The documents that commands print are those of docs/contract.md; `train`, `export` and `chat` are compared where the
end-to-end tests make them."""

import json
from pathlib import Path
from typing import Any

import pytest

from chatclone.cli.main import COMMANDS, main
from tests import exports
from tests.contract import PAGE, documented, missing

CHEAP = {
    "memory search": ["memory", "search", "cat"],
    "doctor": ["doctor"],
    "persona list": ["persona", "list"],
}
MADE_ELSEWHERE = {"import", "train", "export", "chat --once"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own."""
    monkeypatch.setenv("CHATCLONE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the document that a command prints."""
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_documents(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every documented key is there, with a value of its type."""
    examples = documented()
    assert set(examples) == set(CHEAP) | MADE_ELSEWHERE
    first = printed(["import", str(exports.small_export(tmp_path))], capsys)
    assert missing(examples["import"], first) == []
    for command, arguments in CHEAP.items():
        assert missing(examples[command], printed(arguments, capsys)) == [], command


def test_sums(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every message and every reply is accounted for."""
    document = printed(["import", str(exports.small_export(tmp_path))], capsys)
    messages, replies = document["messages"], document["replies"]
    assert messages["read"] == messages["duplicates"] + sum(messages["dropped"].values()) + messages["kept"]
    assert replies["total"] == replies["trained"] + sum(replies["untrained"].values())
    assert replies["trained"] == sum(document["split"].values())


def test_every_command_is_listed() -> None:
    """The table names each command of the program."""
    text = PAGE.read_text("utf-8")
    assert [name for name in COMMANDS if f"chatclone {name}" not in text] == []


def test_a_missing_key_is_found() -> None:
    """The comparison sees lost keys and changed types."""
    assert missing({"a": 1, "b": {"c": ""}}, {"b": {"c": 2}}) == [".a", ".b.c: int"]
