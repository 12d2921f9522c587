"""`chatclone memory` from outside."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from chatclone import config
from chatclone.archive.archive import Archive
from chatclone.cli.main import main
from chatclone.personas.persona import Persona
from chatclone.recall import persona_memory
from importers.message import Media, Message
from memory.memory import Memory
from memory.passages import Line
from tests.embedders import HashEmbedder

MAY = 1_683_540_000
"""2023-05-08 10:00 UTC."""
DAY = 86_400


@pytest.fixture
def persona(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Persona:
    """The current persona of a home of its own, which remembers three days of two people."""
    monkeypatch.setenv("CHATCLONE_HOME", str(tmp_path))
    mira = Persona(tmp_path / "personas" / "mira", "Mira")
    mira.save()
    config.set_current(tmp_path, "mira")
    texts = ["the cat is called Pickles", "i fell off the piano", "the bread was burnt"]
    lines = [
        Line(f"telegram:c{n}/{n}", f"telegram:c{n}", f"chat {n}", ["Anna", "Bo"][n % 2], MAY + n * DAY, text)
        for n, text in enumerate(texts)
    ]
    with Memory.open(mira.memory_file) as memory:
        memory.sync(lines)
    return mira


Run = Callable[..., Any]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], persona: Persona) -> Run:
    """Return what runs `chatclone memory … --json` and gives its document."""

    def command(*arguments: str, code: int = 0) -> Any:
        assert main(["memory", *arguments, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return command


class TestSearching:
    """search, list, show."""

    def test_search_is_as_the_contract_says(self, run: Run) -> None:
        """The document has the query, the hits with who, when, where and what, their length and the time."""
        document = run("search", "whats", "the", "cat", "called")
        assert set(document) == {"query", "hits", "words", "ms"}
        assert document["query"] == "whats the cat called"
        (hit,) = document["hits"]
        assert set(hit) == {"id", "when", "who", "text", "score", "chat"}
        assert (hit["who"], hit["chat"], hit["when"]) == ("Anna", "chat 0", "2023-05-08T10:00:00+00:00")
        assert run("search", "--lexical", "zeppelin")["hits"] == []

    def test_list_pages(self, run: Run) -> None:
        """Newest first, a page at a time."""
        assert [hit["chat"] for hit in run("list", "--limit", "2")] == ["chat 2", "chat 1"]
        assert [hit["chat"] for hit in run("list", "--limit", "2", "--offset", "2")] == ["chat 0"]

    def test_show_marks_its_own_lines(self, run: Run) -> None:
        """A passage with the key of each message, by which one can be forgotten."""
        (line,) = run("show", "1")
        assert (line["key"], line["recalled"]) == ("telegram:c0/0", True)


class TestNotes:
    """add."""

    def test_a_note_for_a_day(self, run: Run, persona: Persona) -> None:
        """It is kept with its day, and recalled on that day alone."""
        assert run("add", "dentist", "at", "five", "--day", "2026-11-21")["day"] == "2026-11-21"
        with Memory.open(persona.memory_file) as memory:
            (note,) = memory.notes_for(date(2026, 11, 21))
            assert note.text == "2026-11-21 notes: dentist at five"
            assert memory.notes_for(date(2026, 11, 22)) == ()

    def test_a_note_for_today(self, run: Run) -> None:
        """It comes with any question."""
        run("add", "--today", "dentist at five")
        assert "dentist at five" in run("search", "zeppelin")["hits"][0]["text"]

    @pytest.mark.parametrize("when", [["--day", "tomorrow"], ["--day", "2026-11-21", "--today"]])
    def test_no_such_day(self, persona: Persona, when: list[str]) -> None:
        """What is no date, and two days at once, are wrong usage."""
        try:
            code = main(["memory", "add", "x", *when])
        except SystemExit as end:
            code = int(str(end.code))
        assert code == 2

    def test_an_empty_note_is_refused(self, persona: Persona, capsys: pytest.CaptureFixture[str]) -> None:
        """Blanks say nothing, and nothing is remembered of them."""
        assert main(["memory", "add", " "]) == 2
        assert capsys.readouterr().err.startswith("error: there is nothing to remember\ntry: ")

    @pytest.mark.parametrize("command", [["show", "9" * 20], ["list", "--limit", "-1"], ["search", "x", "--words=-1"]])
    def test_numbers_have_an_end_and_a_beginning(self, persona: Persona, command: list[str]) -> None:
        """A number that counts nothing here is a mistake in the command line."""
        with pytest.raises(SystemExit, match="2"):
            main(["memory", *command])


class TestForgetting:
    """forget."""

    def test_a_name_nobody_bears_is_said(self, persona: Persona, capsys: pytest.CaptureFixture[str]) -> None:
        """Most likely it was mistyped; yet it stays out of later imports."""
        assert main(["memory", "forget", "--person", "Ana"]) == 0
        assert capsys.readouterr().out.startswith("nothing matched")

    @pytest.mark.parametrize(
        ("what", "left"),
        [
            (["1"], ["chat 1", "chat 2"]),
            (["--message", "telegram:c1/1"], ["chat 0", "chat 2"]),
            (["--person", "Anna"], ["chat 1"]),
            (["--chat", "chat 2"], ["chat 0", "chat 1"]),
            (["--from", "2023-05-09"], ["chat 0"]),
            (["--to", "2023-05-09"], ["chat 2"]),
            (["--to", "9999-12-31"], []),
            (["--from", "2023-05-09", "--to", "2023-05-09"], ["chat 0", "chat 2"]),
        ],
    )
    def test_what_can_be_forgotten(self, run: Run, what: list[str], left: list[str]) -> None:
        """A passage, a message, a person, a chat, a span of days, both ends included."""
        assert run("forget", *what)["forgotten"] == 3 - len(left)
        assert sorted(hit["chat"] for hit in run("list")) == left
        assert run("check")["problems"] == []

    def test_a_key_that_nobody_knows_leaves_nothing(self, run: Run, persona: Persona) -> None:
        """What was mistyped is not kept out of a later import, which an error would not have said."""
        assert main(["memory", "forget", "1", "--message", "telegram:c9/9"]) == 1
        with Memory.open(persona.memory_file) as memory:
            memory.sync([Line("telegram:c9/9", "telegram:c9", "chat 9", "Anna", MAY, "it snowed")])
        assert run("search", "snowed")["hits"]

    @pytest.mark.parametrize("key", ["telegram:name:A/C: D/4", "telegram:c1/-7"])
    def test_a_message_without_words(self, run: Run, persona: Persona, key: str) -> None:
        """The archive knows messages that memory does not, and they stay out when an edit gives them words."""
        place, _, number = key.removeprefix("telegram:").rpartition("/")
        with closing(Archive(persona.archive_file)) as archive, archive.transaction():
            archive.add("telegram", [Message(place, int(number), MAY, "user1", "", Media("photo"))])
        assert run("forget", "--message", key)["forgotten"] == 0
        with Memory.open(persona.memory_file) as memory:
            memory.sync([Line(key, f"telegram:{place}", "chat", "Anna", MAY, "a picture of Pickles")])
            assert memory.recall("Pickles").hits == ()

    @pytest.mark.parametrize(
        ("what", "code", "message"),
        [
            ([], 2, "nothing was selected to forget"),
            (["77"], 1, "there is no passage 77"),
            (["--message", "x:1/1"], 1, "there is no message x:1/1"),
            (["--message", "Pickles"], 1, "there is no message Pickles"),
            (["--from", "2024-01-02", "--to", "2024-01-01"], 2, "--from is after --to"),
            (["--person", " "], 2, "--person, --chat and --message need a value"),
        ],
    )
    def test_what_cannot(
        self, persona: Persona, capsys: pytest.CaptureFixture[str], what: list[str], code: int, message: str
    ) -> None:
        """Two lines say what is wrong and what to try."""
        assert main(["memory", "forget", *what]) == code
        error, hint = capsys.readouterr().err.strip().splitlines()
        assert error == f"error: {message}"
        assert hint.startswith("try: ")


class TestEmbedding:
    """rebuild, embed, check."""

    @pytest.fixture
    def embedder(self, monkeypatch: pytest.MonkeyPatch) -> HashEmbedder:
        """An embedder that is on this computer."""
        one = HashEmbedder()
        monkeypatch.setattr(persona_memory, "choose_embedder", lambda memory, background=False: (one, "there is one"))
        return one

    def test_embed_and_check(self, run: Run, embedder: HashEmbedder) -> None:
        """check says how many are not embedded yet; embed embeds them all."""
        assert run("check") == {"passages": 3, "embedder": None, "embedded": 0, "waiting": 3, "problems": []}
        assert run("embed") == {"embedder": "hash", "embedded": 3, "waiting": 0}
        assert run("check")["waiting"] == 0

    def test_search_uses_it(self, run: Run, embedder: HashEmbedder) -> None:
        """A question is embedded, but not with --lexical."""
        run("embed")
        run("search", "--lexical", "cat")
        assert embedder.asked == []
        run("search", "cat")
        assert embedder.asked == ["cat"]

    def test_rebuild_mends(self, run: Run, persona: Persona) -> None:
        """A damaged index is exit code 1 of check, and sound after rebuild."""
        import sqlite3
        from contextlib import closing

        with closing(sqlite3.connect(persona.memory_file, isolation_level=None)) as connection:
            connection.execute("DELETE FROM passage_fts WHERE rowid = 1")
        assert run("check", code=1)["problems"] == ["1 passages are not in the index"]
        assert run("rebuild") == {"passages": 3, "embedder": None, "embedded": 0, "waiting": 3}
        assert run("check")["problems"] == []

    def test_without_an_embedder_it_is_said(self, persona: Persona, capsys: pytest.CaptureFixture[str]) -> None:
        """Not an error: memory searches by words."""
        assert main(["memory", "embed"]) == 0
        assert capsys.readouterr().out.strip() == "searching by words alone, as chosen"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--embedder", "some/model"], "some/model is not on this computer"),
            (["--embedder", "/no/such/folder"], "there is no sentence-transformers model in /no/such/folder"),
            (["--download"], "--download fetches the model that --embedder names"),
        ],
    )
    def test_nothing_is_fetched_unasked(
        self, persona: Persona, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
    ) -> None:
        """A model that is not there is an error that names what would fetch it."""
        assert main(["memory", "rebuild", *arguments]) in (1, 2)
        assert capsys.readouterr().err.splitlines()[0] == f"error: {message}"
