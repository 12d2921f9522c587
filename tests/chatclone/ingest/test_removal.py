"""What is forgotten is in no file any more, by no name, and does not return."""

import json
from pathlib import Path
from typing import Any

import pytest

from chatclone.archive.archive import Archive
from chatclone.errors import ChatcloneError
from chatclone.ingest.import_run import Ingested, Request, ingest
from chatclone.ingest.removal import forget
from chatclone.personas.persona import Persona
from memory.memory import Memory
from tests import exports
from tests.importers.making_html import write_html


def do(path: Path, home: Path, **options: Any) -> Ingested:
    return ingest(Request([path], **options), home)


def with_bo() -> dict[str, Any]:
    """Return an account with a second chat, whose partner says what nobody else does."""
    other = {**exports.chat(exports.conversation()), "id": 333, "name": "Bo"}
    other["messages"] = [
        {
            **m,
            "from_id": "user333",
            "from": "Bo Berg",
            "text_entities": [{"type": "plain", "text": f"xyzzy {m['id']}?"}],
        }
        if m["from_id"] == "user222"
        else m
        for m in other["messages"]
    ]
    return exports.account(exports.chat(exports.conversation()), other)


def imported(tmp_path: Path, **options: Any) -> Persona:
    done = do(exports.write(tmp_path, with_bo()), tmp_path / "home", **options)
    assert done.persona is not None
    return done.persona


def traces(persona: Persona, words: bytes) -> list[str]:
    """Return the files of a persona that hold these words."""
    return [path.name for path in persona.folder.rglob("*") if path.is_file() and words in path.read_bytes()]


class TestPerson:
    def test_gone(self, tmp_path: Path) -> None:
        """Neither what they wrote nor what they are called is in any file, and it does not come back."""
        persona = imported(tmp_path)
        assert traces(persona, b"xyzzy")
        assert forget(persona, person="Bo Berg")["forgotten"] == 60
        for trace in (b"xyzzy", b"Bo Berg", b"user333\x00"):
            assert traces(persona, trace) == []
        again = do(tmp_path / "result.json", tmp_path / "home")
        assert again.document["messages"]["dropped"]["forgotten"] == 60
        assert again.document["messages"]["new"] == 0
        assert traces(persona, b"xyzzy") == []
        assert traces(persona, b"Bo Berg") == []
        with Memory.open(persona.memory_file) as memory:
            assert memory.recall("xyzzy").hits == ()

    def test_the_person_themself(self, tmp_path: Path) -> None:
        """The person who is cloned cannot be forgotten out of their own clone."""
        with pytest.raises(ChatcloneError, match="Mira Halloran is the person cloned"):
            forget(imported(tmp_path), person="user111")

    def test_the_owner(self, tmp_path: Path) -> None:
        """From the clone of somebody else the owner can go, whom the account of the import had named."""
        persona = imported(tmp_path, clone_of="user333")
        assert traces(persona, b"Mira Halloran")
        forget(persona, person="Mira Halloran")
        assert traces(persona, b"Mira Halloran") == []
        assert traces(persona, b"user111") == []

    def test_not_by_html_either(self, tmp_path: Path) -> None:
        """An export that knows them by name only does not bring them back."""
        persona = imported(tmp_path)
        forget(persona, person="user333")
        write_html(tmp_path / "html", with_bo())
        again = do(tmp_path / "html", tmp_path / "home")
        assert again.document["messages"]["dropped"]["forgotten"] == 60
        assert traces(persona, b"xyzzy") == []

    def test_not_by_id_either(self, tmp_path: Path) -> None:
        """Who was forgotten by name is recognised in an export with ids."""
        write_html(tmp_path / "html", with_bo())
        done = do(tmp_path / "html", tmp_path / "home")
        assert done.persona is not None
        forget(done.persona, person="Bo Berg")
        assert set(traces(done.persona, b"Bo Berg")) <= {"memory.sqlite"}  # which has tests of its own
        again = do(exports.write(tmp_path, with_bo()), tmp_path / "home")
        assert again.document["messages"]["dropped"]["forgotten"] == 60
        assert traces(done.persona, b"xyzzy") == []


class TestChat:
    def test_gone(self, tmp_path: Path) -> None:
        """A chat goes with both sides of it, and its name."""
        persona = imported(tmp_path)
        assert forget(persona, chat="Bo")["forgotten"] == 120
        assert traces(persona, b"xyzzy") == []
        assert do(tmp_path / "result.json", tmp_path / "home").document["messages"]["dropped"] == {"forgotten": 120}

    def test_unknown(self, tmp_path: Path) -> None:
        """A chat that is not there is answered with those that are."""
        with pytest.raises(ChatcloneError, match="no such chat") as error:
            forget(imported(tmp_path), chat="Nobody")
        assert "Theo" in error.value.hint

    def test_nothing_left(self, tmp_path: Path) -> None:
        """Where all is forgotten there is nothing to list."""
        persona = imported(tmp_path)
        for chat in ("Bo", "Theo"):
            forget(persona, chat=chat)
        with pytest.raises(ChatcloneError, match="no such chat") as error:
            forget(persona, chat="Theo")
        assert error.value.hint == "nothing is left to forget"

    def test_two_of_one_name(self, tmp_path: Path) -> None:
        """Two chats of one name are told apart by their ids."""
        export = with_bo()
        export["chats"]["list"][1]["name"] = "Theo"
        done = do(exports.write(tmp_path, export), tmp_path / "home")
        assert done.persona is not None
        with pytest.raises(ChatcloneError, match="2 chats are called Theo"):
            forget(done.persona, chat="Theo")
        assert forget(done.persona, chat="user333")["forgotten"] == 120

    def test_the_only_one_learnt_from(self, tmp_path: Path) -> None:
        """When the one chat to learn from is forgotten, nothing is learnt from the others instead."""
        persona = imported(tmp_path, chats=["Bo"])
        assert forget(persona, chat="Bo")["replies"]["total"] == 0
        assert (persona.dataset_folder / "train.jsonl").read_bytes() == b""
        report = json.loads((persona.dataset_folder / "report.json").read_text("utf-8"))
        assert "Bo" not in report["options"]["chats"]
        archive = Archive(persona.archive_file)
        assert [chat.name for _, chat in archive.chats()] == ["Theo"]
        archive.close()
