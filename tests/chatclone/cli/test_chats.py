"""`chatclone chats`: conversations from the shell, as text and as JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatclone import config
from chatclone.cli.main import main
from chatclone.conversations import ChatStore
from chatclone.personas.persona import Persona


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatStore]:
    """Two conversations of a persona: a long one about a cat, and one that never was answered."""
    home = tmp_path / "home"
    monkeypatch.setenv("CHATCLONE_HOME", str(home))
    persona = Persona(home / "personas" / "mira", "Mira")
    persona.save()
    config.set_current(home, "mira")
    opened = ChatStore.open(persona.chats_file)
    chat, parent = opened.create(partner="Anna").id, None
    for text in ("whats your cat called", "biscuit!!\nhe is fat \x1b[31m", "lol", "i know"):
        parent = opened.add(chat, "assistant" if parent and parent % 2 else "user", text, parent=parent).id
    opened.add(opened.create().id, "user", "anybody there?")
    yield opened
    opened.close()


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run a verb with --json and return its document."""
    assert main(["chats", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def run_text(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a verb and return what it prints."""
    assert main(["chats", *arguments]) == 0
    return capsys.readouterr().out


class TestReading:
    """What there is."""

    def test_list(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The latest first, page by page, or by title."""
        every = run_json(capsys, "list")
        assert [(c["id"], c["title"], c["messages"], c["partner"]) for c in every] == [
            (2, "anybody there?", 1, ""), (1, "whats your cat called", 4, "Anna"),
        ]  # fmt: skip
        assert run_json(capsys, "list", "--limit", "1", "--offset", "1") == every[1:]
        assert run_json(capsys, "list", "--titled", "cat") == every[1:]
        assert "4 messages  whats your cat called" in run_text(capsys, "list")

    def test_search(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Where the words stand, and how to go there; what the shell kept together stands together."""
        (found,) = run_json(capsys, "search", "FAT", "bisc")
        assert (found["conversation"], found["message"], found["role"]) == (1, 2, "assistant")
        assert [found["snippet"][a:b] for a, b in found["matches"]] == ["biscuit", "fat"]
        assert run_json(capsys, "search", "fat he") == []
        text = run_text(capsys, "search", "he is fat")
        assert "show 1 --around 2" in text
        assert "\x1b" not in text

    def test_show(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The end of a conversation, or what stands around a message."""
        shown = run_json(capsys, "show", "1", "--limit", "2")
        assert [m["text"] for m in shown["messages"]] == ["lol", "i know"]
        shown = run_json(capsys, "show", "1", "--limit", "2", "--around", "2")
        assert [m["id"] for m in shown["messages"]] == [1, 2]
        text = run_text(capsys, "show", "1")
        assert "Mira (clone): biscuit!!\n" in text
        assert "\x1b" not in text
        assert main(["chats", "show", "1", "--around", "5"]) == 1
        assert main(["chats", "show", "9"]) == 1
        assert capsys.readouterr().err.count("try: ") == 2


class TestTransfer:
    """Out and in."""

    @pytest.mark.parametrize("name", ["all.json", "all.md"])
    def test_there_and_back(
        self, name: str, tmp_path: Path, store: ChatStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What was deleted for good comes back from the file; the rest is not doubled."""
        out = tmp_path / name
        assert run_json(capsys, "export", "--out", str(out))["conversations"] == 2
        assert out.stat().st_mode & 0o777 == 0o600
        assert run_json(capsys, "delete", "1", "--yes", "--now") == {"deleted": [1], "deletions": [], "purged": 4}
        document = run_json(capsys, "import", str(out))
        assert ([c["title"] for c in document["imported"]], document["known"]) == (["whats your cat called"], 1)
        assert [m.text for m in store.messages(document["imported"][0]["id"])][3] == "i know"

    def test_to_stdout(self, capsys: pytest.CaptureFixture[str]) -> None:
        """JSON is the whole document, Markdown is for reading."""
        assert len(run_json(capsys, "export", "1")["conversations"]) == 1
        assert run_text(capsys, "export", "1", "--format", "markdown").startswith("# whats your cat called\n")
        assert main(["chats", "export", "--format", "markdown", "--json"]) == 2

    def test_what_is_wrong_is_said(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A missing file, another file, a missing folder; no conversation of a good file beside them comes in."""
        good, bad = tmp_path / "good.json", tmp_path / "bad.json"
        main(["chats", "export", "--out", str(good)])
        good.write_text(good.read_text("utf-8").replace("lol", "rofl"), "utf-8")
        bad.write_text("{}", "utf-8")
        capsys.readouterr()
        assert main(["chats", "import", str(good), str(bad)]) == 1
        assert main(["chats", "import", str(tmp_path / "none.json")]) == 1
        assert main(["chats", "export", "--out", str(tmp_path / "none" / "all.json")]) == 1
        assert [line[:5] for line in capsys.readouterr().err.splitlines()] == ["error", "try: "] * 3
        assert len(run_json(capsys, "list")) == 2


class TestDeleting:
    """Away and back."""

    def test_delete_and_restore(self, capsys: pytest.CaptureFixture[str]) -> None:
        """What was deleted is listed, and comes back by its number."""
        document = run_json(capsys, "delete", "1", "--yes")
        assert [c["id"] for c in run_json(capsys, "list")] == [2]
        (row,) = run_json(capsys, "restore")
        assert (row["id"], row["conversation"], row["messages"]) == (document["deletions"][0], 1, 4)
        assert run_json(capsys, "restore", str(row["id"]))["conversation"] == 1
        assert len(run_json(capsys, "list")) == 2
        assert main(["chats", "restore", "99"]) == 1

    def test_it_wants_a_yes(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a terminal that is --yes; one wrong id deletes none."""
        assert main(["chats", "delete", "1"]) == 2
        assert main(["chats", "delete", "2", "9", "--yes"]) == 1
        capsys.readouterr()
        assert len(run_json(capsys, "list")) == 2
