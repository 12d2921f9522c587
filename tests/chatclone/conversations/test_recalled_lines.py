"""What was recalled for a reply goes when it is forgotten, from the file's bytes too."""

from dataclasses import replace
from pathlib import Path

import pytest

from chatclone.archive.archive import Archive
from chatclone.cli.main import main
from chatclone.conversations import ChatStore
from chatclone.conversations.corrections import correct, corrections
from chatclone.conversations.recalled_lines import said_by
from chatclone.ingest.import_run import Request, ingest
from chatclone.ingest.removal import forget
from chatclone.personas.persona import Persona
from memory.search.recall import Hit
from tests import exports
from tests.chatclone.ingest.test_removal import traces, with_bo

PLAIN = "2024-05-02 Theo Marsh: the usual"
SECRET = "2024-05-02 Bo Berg: zebrafinch at noon\n2024-05-02 Mira Halloran: ok"


@pytest.fixture
def persona(tmp_path: Path) -> Persona:
    """A persona whose replies were given something of Bo's, one of them corrected."""
    done = ingest(Request([exports.write(tmp_path, with_bo())]), tmp_path / "home")
    assert done.persona is not None
    hits = (Hit(1, 100, "Bo Berg, Mira Halloran", SECRET, 2.0, "Bo"), Hit(2, 90, "Theo Marsh", PLAIN, 1.0, "Theo"))
    with ChatStore.open(done.persona.chats_file) as store:
        chat = store.create().id
        for number in range(200):  # enough that the file has more than one page of them
            question = store.add(chat, "user", f"what {number}?")
            reply = replace(store.add(chat, "assistant", "this", parent=question.id), memory=hits)
            store.save(reply)
        correct(store, done.persona.dataset_folder, reply, "that", 1.0)
    assert set(traces(done.persona, b"zebrafinch")) >= {"chats.sqlite", "corrections.jsonl"}
    return done.persona


@pytest.mark.parametrize("wanted", [{"person": "Bo Berg"}, {"person": "user333"}, {"chat": "Bo"}])
def test_forget(persona: Persona, wanted: dict[str, str]) -> None:
    """Forgetting a person or a chat takes their recalled lines along, and leaves the others."""
    forget(persona, **wanted)
    assert traces(persona, b"zebrafinch") == []
    with ChatStore.open(persona.chats_file) as store:
        (listed,) = store.conversations()
        assert {hit.id for message in store.messages(listed.id) for hit in message.memory} == {2}
    (pair,) = corrections(persona.dataset_folder)
    assert pair.memory == (PLAIN,)


def test_interrupted_after_the_archive(persona: Persona, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recalled lines are gone before the archive no longer knows the person, since a second try would not find them."""
    monkeypatch.setattr(Archive, "compact", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        forget(persona, person="Bo Berg")
    assert not {"chats.sqlite", "corrections.jsonl"} & set(traces(persona, b"zebrafinch"))


@pytest.mark.parametrize("option", [["--person", "Bo Berg"], ["--chat", "Bo"], ["--chat", "user333"], ["1"]])
def test_memory_forget(persona: Persona, option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """So does forgetting in memory alone."""
    home = str(persona.folder.parents[1])
    assert main(["memory", "forget", *option, "--home", home, "--persona", persona.slug]) == 0
    assert "chats.sqlite" not in traces(persona, b"zebrafinch")
    assert "corrections.jsonl" not in traces(persona, b"zebrafinch")


def test_by_whom() -> None:
    """Only lines that begin with the name count, whatever is in it."""
    unwanted = said_by(["Bo (the) *Berg*"])
    assert unwanted(Hit(1, 0, "", "2024-05-02 Ann: hi\n2024-05-02 Bo (the) *Berg*: yes", 1.0, ""))
    assert not unwanted(Hit(1, 0, "", "2024-05-02 Ann: Bo (the) *Berg*: yes", 1.0, ""))
    assert not said_by([])(Hit(1, 0, "", "2024-05-02 : yes", 1.0, ""))
