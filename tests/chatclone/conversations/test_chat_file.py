"""The file of conversations survives killed programs, and refuses files of other versions."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatclone.conversations import ChatStore, Origin
from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError
from memory.search.recall import Hit

HIT = Hit(7, 1_700_000_000, "Mira", "2023-11-14 Mira: a cat!!", 0.5, "Anna")
PATIENCE = 120
"""Seconds that another process may take."""

WRITER = """
import sys
from pathlib import Path
from chatclone.clone.saved_reply import answer, begin_reply
from chatclone.conversations import ChatStore
from tests.fakes import FakeEngine, fake_clone
store = ChatStore.open(Path(sys.argv[1]))
question = store.add(store.create("hi").id, "user", "hi")
reply = begin_reply(store, question)
engine = FakeEngine(tuple("and the %d cats " % n for n in range(1000)), hold=True)
for event in answer(fake_clone(engine), store, reply, cancelled=lambda: False):
    print("screen:" + getattr(event, "text", ""), flush=True)
    engine.release(3)
"""
"""Writes a long reply, and shows what it has so far."""

ADDER = """
import sys
from pathlib import Path
from chatclone.conversations import ChatStore
store = ChatStore.open(Path(sys.argv[1]))
parent = None
for n in range(100):
    parent = store.add(int(sys.argv[2]), "user", f"theirs {n}", parent=parent).id
store.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the conversations lie."""
    return tmp_path / "chats.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[ChatStore]:
    """An empty store."""
    opened = ChatStore.open(path)
    yield opened
    opened.close()


def python(script: str, *arguments: object) -> "subprocess.Popen[str]":
    """Start another process on `script`."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class TestFile:
    """What was saved is read again."""

    def test_everything_is_read_again(self, tmp_path: Path) -> None:
        """Text, state, memory, figures and origin come back as they were."""
        path = tmp_path / "deep" / "chats.sqlite"
        store = ChatStore.open(path)
        chat = store.create("x").id
        question = store.add(chat, "user", "emoji 🥹, \x1b[31m, \x00 and Ünïcode")
        reply = store.add(chat, "assistant", "", parent=question.id, state="writing")
        origin = Origin("gguf", "m.gguf", "runs/1/adapter", 0.5, 7, Sampling(0.1, seed=7), "Anna", True)
        figures = {"tokens_per_second": 4.5}
        reply = replace(reply, text="hm", state="done", memory=(HIT,), stats=figures, origin=origin)
        store.save(reply)
        store.close()
        again = ChatStore.open(path)
        assert again.messages(chat) == [question, reply]
        again.close()

    def test_only_the_user_can_read_it(self, store: ChatStore, path: Path) -> None:
        """The file, its journal and its signs of life."""
        store.add(store.create("x").id, "assistant", "", state="writing")
        assert len(list(path.parent.iterdir())) == 4
        assert {found.stat().st_mode & 0o777 for found in path.parent.iterdir()} == {0o600}

    def test_closing_leaves_one_file(self, path: Path) -> None:
        """No journal, no sign of life; what was being written is interrupted."""
        store = ChatStore.open(path)
        reply = store.add(store.create("x").id, "assistant", "so", state="writing")
        store.close()
        assert [found.name for found in path.parent.iterdir()] == ["chats.sqlite"]
        again = ChatStore.open(path)
        assert again.message(reply.id).state == "interrupted"
        again.close()

    def test_lone_surrogates_are_replaced(self, store: ChatStore) -> None:
        """What no UTF-8 file can hold does not lose the rest of a message."""
        chat = store.create("t\udc80").id
        assert store.add(chat, "user", "a\udc80b").text == "a?b"
        assert store.messages(chat)[0].text == "a?b"

    def test_a_file_that_is_no_database_is_an_error_with_a_hint(self, path: Path) -> None:
        """It is left as it is."""
        path.write_text("not a database, and long enough to be one " * 20)
        with pytest.raises(ChatcloneError, match="cannot be read") as caught:
            ChatStore.open(path)
        assert caught.value.hint
        assert path.read_text().startswith("not a database")

    def test_a_file_of_a_newer_version_is_not_touched(self, path: Path) -> None:
        """An older program does not write into what it does not know."""
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(ChatcloneError, match="newer"):
            ChatStore.open(path)


class TestProcesses:
    """Programs that are killed, and programs side by side."""

    def test_a_killed_program_loses_nothing_of_what_it_showed(self, path: Path) -> None:
        """kill -9 in the middle of a reply: every word that was on the screen is in the file, marked as interrupted."""
        with python(WRITER, path) as process:
            assert process.stdout is not None
            seen = [process.stdout.readline() for _ in range(12)]
            process.send_signal(signal.SIGKILL)
            seen += process.stdout.readlines()
            process.wait(PATIENCE)
        last = seen[-1].removeprefix("screen:").rstrip("\n")
        store = ChatStore.open(path)
        _, reply = store.messages(store.conversations()[0].id)
        assert "and the 3 cats" in last
        assert reply.text.startswith(last)
        assert reply.state == "interrupted"
        assert [hit.message for hit in store.search("cats")] == [reply.id]
        assert store._read("PRAGMA integrity_check") == [("ok",)]
        assert not list(path.parent.glob("*.running"))
        store.close()

    def test_a_reply_that_another_program_writes_is_left_alone(self, path: Path) -> None:
        """It is read as far as it is, while that goes on."""
        with python(WRITER, path) as process:
            assert process.stdout is not None
            for _ in range(6):
                process.stdout.readline()
            store = ChatStore.open(path)
            question, reply = store.messages(store.conversations()[0].id)
            assert (question.text, reply.state) == ("hi", "writing")
            assert reply.text.startswith("and the 0 cats")
            store.close()
            process.kill()
            process.communicate(timeout=PATIENCE)

    def test_what_is_written_after_another_program_looked_is_there(self, path: Path) -> None:
        """A second opening in this program does not give up the first one's locks, on which the log depends."""
        look = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
            "print(*c.execute('SELECT text FROM messages').fetchall()); c.close()"
        )
        command = [sys.executable, "-c", look, str(path)]
        with ChatStore.open(path) as first, ChatStore.open(path):
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
            first.add(first.create().id, "user", "still here")
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
        assert done.stdout.strip() == "('still here',)"

    def test_two_programs_write_at_the_same_time(self, store: ChatStore, path: Path) -> None:
        """Each waits for the other's change; none is lost."""
        mine, theirs = store.create("mine").id, store.create("theirs").id
        with python(ADDER, path, theirs) as process:
            parent = None
            for number in range(100):
                parent = store.add(mine, "user", f"mine {number}", parent=parent).id
            assert process.wait(PATIENCE) == 0
        assert (store.length(mine), store.length(theirs)) == (100, 100)
        assert len(store.search("theirs", limit=1000)) == 100
        assert store._read("PRAGMA integrity_check") == [("ok",)]
        assert store._read("PRAGMA foreign_key_check") == []


class TestMigration:
    """Files of another schema."""

    def test_a_file_from_before_the_first_release(self, path: Path) -> None:
        """A file whose version number meant other tables is refused, with what to do, and left as it is."""
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 1")
        with pytest.raises(ChatcloneError, match="before the first release") as error:
            ChatStore.open(path)
        assert "move that file away" in error.value.hint
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
        connection.close()

    def test_a_migration_that_fails_changes_nothing(self, path: Path) -> None:
        """The file keeps its version and its tables."""
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE message_words (x)")
        connection.commit()
        with pytest.raises(ChatcloneError):
            ChatStore.open(path)
        assert connection.execute("PRAGMA user_version").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (1,)
        connection.close()
