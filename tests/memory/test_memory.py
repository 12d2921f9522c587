"""Remembering, editing, forgetting; soundness after each."""

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from memory.memory import Memory, Synced
from memory.passages import Line
from memory.store.database import connect

Said = Callable[..., Line]
START = 1_683_540_000
"""The minute before `said(1, …)`."""
ROOT = Path(__file__).parents[2]


def found(memory: Memory, query: str) -> list[str]:
    """Return what each recalled message says, without its date and speaker."""
    hits = memory.recall(query, words=10_000).hits
    return [line.split(": ", 1)[1] for hit in hits for line in hit.text.split("\n")]


class TestSync:
    def test_only_what_is_new_is_added(self, memory: Memory, said: Said) -> None:
        """The same archive twice changes nothing; one message more is one line more."""
        lines = [said(n, f"cat {n}") for n in range(5)]
        assert memory.sync(lines) == Synced(added=5, removed=0, passages=3)
        passages = [hit.id for hit in memory.list()]
        assert memory.sync(iter(lines)) == Synced(added=0, removed=0, passages=3)
        assert memory.sync([*lines, said(5, "cat 5")]) == Synced(added=1, removed=0, passages=4)
        assert {hit.id for hit in memory.list()} > set(passages), "passages that did not change keep their ids"
        assert memory.check() == []

    def test_an_edit_replaces_the_line(self, memory: Memory, said: Said) -> None:
        """The old words are gone from the index, the new ones are found."""
        memory.sync([said(1, "my cat"), said(2, "yes")])
        assert memory.sync([said(1, "my dog"), said(2, "yes")]) == Synced(added=1, removed=1, passages=1)
        assert found(memory, "cat") == []
        assert found(memory, "dog") == ["my dog", "yes"]
        assert memory.check() == []

    def test_what_vanished_from_the_archive_goes(self, memory: Memory, said: Said) -> None:
        """A line, and then a whole chat, that the archive no longer has are no longer found."""
        lines = [said(1, "cat one"), said(2, "cat two"), said(1, "cat three", chat="c2")]
        memory.sync(lines)
        memory.sync(lines[1:])
        assert sorted(found(memory, "cat")) == ["cat three", "cat two"]
        assert memory.sync([]) == Synced(added=0, removed=2, passages=0)
        assert memory.check() == []

    def test_older_history_takes_its_place(self, memory: Memory, said: Said) -> None:
        """Messages imported later, but sent earlier, form windows with their neighbours."""
        memory.sync([said(1, "cat"), said(3, "roof")])
        memory.sync([said(3, "roof"), said(2, "ladder"), said(1, "cat")])
        assert found(memory, "ladder") == ["cat", "ladder", "roof"]
        assert memory.count() == 1

    def test_messages_of_one_second_are_in_the_order_of_their_numbers(self, memory: Memory, said: Said) -> None:
        """Number 10 comes after number 9."""
        memory.sync([said(10, "cat ten", when=0), said(9, "cat nine", when=0)])
        assert found(memory, "cat") == ["cat nine", "cat ten"]

    def test_blank_messages_are_not_kept(self, memory: Memory, said: Said) -> None:
        """A message that says nothing is no line."""
        assert memory.sync([said(1, " \n"), said(2, "cat")]).added == 1

    def test_a_renamed_chat_and_a_moved_message(self, memory: Memory, said: Said) -> None:
        """A chat's new name needs no new index; a message that changed its chat is in one of them."""
        line = said(1, "cat")
        memory.sync([line])
        renamed = Line(line.key, line.chat, "new name", line.who, line.when, line.text)
        assert memory.sync([renamed]).added == 0
        assert memory.recall("cat").hits[0].chat == "new name"
        memory.sync([Line(line.key, "c9", "ninth", line.who, line.when, line.text)])
        assert memory.recall("cat").hits[0].chat == "ninth"
        assert memory.check() == []

    def test_it_is_there_after_a_restart(self, tmp_path: Path, said: Said) -> None:
        """What was remembered is found by the next process."""
        with Memory.open(tmp_path / "m.sqlite") as memory:
            memory.sync([said(1, "cat")])
        with Memory.open(tmp_path / "m.sqlite") as memory:
            assert found(memory, "cat") == ["cat"]


class TestNotes:
    def test_a_note_ranks_first_and_outlives_a_sync(self, memory: Memory, said: Said) -> None:
        """What the user wrote down comes before what matches better, and no archive removes it."""
        number = memory.add("the cat moved out in spring, sadly, so do not ask about it", 1_700_000_000)
        memory.sync([said(1, "cat cat cat")])
        first = memory.recall("cat").hits[0]
        assert (first.id, first.who, first.chat) == (number, "notes", "notes")
        assert memory.check() == []

    def test_a_note_can_be_forgotten(self, memory: Memory) -> None:
        """Forgetting one note leaves the others."""
        number = memory.add("cat one", 0)
        memory.add("cat two", 0)
        assert memory.forget(passage=number) == 1
        assert found(memory, "cat") == ["cat two"]

    def test_a_note_for_a_day_comes_on_that_day(self, memory: Memory, said: Said) -> None:
        """Whatever is asked it is recalled first, within the budget, unless it stands in the prompt already."""
        memory.sync([said(1, "cat")])
        memory.add("dentist at five sharp", 0, date(2026, 11, 21))
        noon = int(datetime(2026, 11, 21, 12).timestamp())  # on the user's own clock
        on_the_day = memory.recall("cat", now=noon)
        assert [hit.text for hit in on_the_day.hits] == [
            "2026-11-21 notes: dentist at five sharp",
            "2023-05-08 Anna: cat",
        ]
        assert on_the_day.words == 9
        assert memory.recall("ok", now=noon).hits[0].who == "notes"
        assert memory.recall("cat", words=5, now=noon).hits[0].text == "2023-05-08 Anna: cat"
        assert len(memory.recall("cat", now=noon, exclude=["dentist at five sharp"]).hits) == 1
        assert len(memory.recall("cat", now=noon + 24 * 3600).hits) == 1
        assert len(memory.recall("cat", now=noon, before=noon).hits) == 1, "the past knows no today"
        assert len(memory.recall("when is the dentist", now=noon).hits) == 1, "it is not shown twice"


class TestTelling:
    def test_a_line_more_is_added_alone(self, memory: Memory, said: Said) -> None:
        """It joins the windows of its chat; the others are not looked at, and a sync of the archive leaves it."""
        memory.sync([said(1, "cat")])
        first = Line("chatclone:1/1", "chatclone:1", "told", "Theo", 0, "my dog is Rex")
        assert memory.tell([first]) == Synced(added=1, removed=0, passages=2)
        assert memory.tell([first]) == Synced(added=0, removed=0, passages=2)
        memory.tell([first._replace(key="chatclone:1/2", when=60, text="he barks")])
        assert found(memory, "dog") == ["my dog is Rex", "he barks"]
        memory.sync([])
        assert found(memory, "dog") == ["my dog is Rex", "he barks"]
        assert memory.check() == []

    def test_an_edit_replaces_it(self, memory: Memory) -> None:
        """The same message in other words is one message."""
        line = Line("chatclone:1/1", "chatclone:1", "told", "Theo", 0, "my dog is Rex")
        memory.tell([line])
        memory.tell([line._replace(text="my cat is Rex")])
        assert found(memory, "dog") == []
        assert found(memory, "cat") == ["my cat is Rex"]

    def test_only_its_own_kind_is_brought_in_step(self, memory: Memory, said: Said) -> None:
        """A sync of what was told removes what is no longer told, and nothing imported."""
        memory.sync([said(1, "cat")])
        memory.sync([Line("chatclone:1/1", "chatclone:1", "told", "Theo", 0, "my dog")], kind="chat")
        assert memory.sync([], kind="chat") == Synced(added=0, removed=1, passages=1)
        assert found(memory, "cat") == ["cat"]


class TestForget:
    @pytest.fixture
    def lines(self, said: Said) -> list[Line]:
        """Return two chats of Anna and Bo about cats."""
        return [
            said(1, "cat one"),
            said(2, "cat two", who="Bo"),
            said(3, "cat three"),
            said(4, "cat four"),
            said(1, "cat five", who="Bo", chat="c2"),
        ]

    @pytest.mark.parametrize(
        ("what", "left"),
        [
            ({"key": "telegram:c1/3"}, ["five", "four", "one", "two"]),
            ({"person": "Bo"}, ["four", "one", "three"]),
            ({"chat": "c1"}, ["five"]),
            ({"chat": "chat c2"}, ["four", "one", "three", "two"]),
            ({"key": "telegram:c1/1", "chat": "c2"}, ["four", "three", "two"]),
            ({"span": (START + 120, START + 200)}, ["five", "four", "one"]),
            ({"person": "Nobody"}, ["five", "four", "one", "three", "two"]),
        ],
    )
    def test_it_stays_forgotten(self, memory: Memory, lines: list[Line], what: dict[str, Any], left: list[str]) -> None:
        """A message, a person, a chat or a span does not come back with the next sync, and its neighbours stay."""
        memory.sync(lines)
        assert memory.forget(**what) == len(lines) - len(left)
        for _ in range(2):
            assert sorted(text.removeprefix("cat ") for text in found(memory, "cat")) == left
            assert memory.check() == []
            memory.sync(lines)

    def test_a_passage_takes_its_messages(self, memory: Memory, lines: list[Line]) -> None:
        """Forgetting by a hit's id removes its three messages from every window."""
        memory.sync(lines)
        passage = next(hit.id for hit in memory.list() if "cat four" in hit.text)
        assert memory.forget(passage=passage) == 3
        assert sorted(found(memory, "cat")) == ["cat five", "cat one"]
        assert memory.forget(passage=passage) == 0

    def test_a_forgotten_person_stays_silent(self, memory: Memory, lines: list[Line], said: Said) -> None:
        """New messages of somebody who was forgotten do not come in either."""
        memory.sync(lines)
        memory.forget(person="Bo")
        assert memory.sync([*lines, said(9, "cat nine", who="Bo")]).added == 0

    def test_the_bytes_are_gone(self, tmp_path: Path, said: Said) -> None:
        """No file holds a forgotten word, neither the database nor its log."""
        with Memory.open(tmp_path / "m.sqlite") as memory:
            memory.sync([said(n, f"zanzibarian secret {n}", chat=f"c{n % 3}") for n in range(300)])
            memory.forget(chat="c1")
            assert any(b"zanzibar" in path.read_bytes() for path in tmp_path.iterdir())
            memory.forget(person="Anna")
            # The tombstone that keeps the person out is a hash.
            for gone in (b"zanzibar", b"Anna"):
                assert not any(gone in path.read_bytes() for path in tmp_path.iterdir())
            assert memory.check() == []


class TestLooking:
    def test_list_pages_latest_first(self, memory: Memory, said: Said) -> None:
        """Pages follow one another without gap or repetition."""
        memory.sync([said(n, f"m{n}") for n in range(6)])
        pages = [memory.list(limit=2, offset=offset) for offset in (0, 2, 4)]
        assert [len(page) for page in pages] == [2, 2, 0]
        assert [hit.text.split()[-1] for page in pages for hit in page] == ["m5", "m4", "m3", "m2"]

    def test_show_opens_the_surroundings(self, memory: Memory, said: Said) -> None:
        """A passage stands between the messages before and after it."""
        memory.sync([said(n, f"m{n}") for n in range(20)])
        passage = memory.recall("m10").hits[0].id
        shown = memory.show(passage)
        assert shown is not None
        texts = [line.text for line in (*shown.before, *shown.passage.lines, *shown.after)]
        first = int(shown.passage.lines[0].text[1:])
        assert texts == [f"m{n}" for n in range(first - 5, first + 8)]
        assert memory.show(999_999) is None


class TestSoundness:
    def test_damage_is_seen_and_mended(self, tmp_path: Path, said: Said) -> None:
        """Index entries that are missing, ghostly or stale are found by check and mended by rebuild."""
        path = tmp_path / "m.sqlite"
        with Memory.open(path) as memory:
            memory.sync([said(n, f"cat {n}") for n in range(6)])
            memory.add("a note", 0)
            with closing(connect(path)) as connection:
                connection.execute("DELETE FROM passage_fts WHERE rowid = 1")
                connection.execute("UPDATE passage_fts SET terms = 'dog' WHERE rowid = 2")
                connection.execute("INSERT INTO passage_fts (rowid, terms) VALUES (99, 'ghost')")
                connection.execute("DELETE FROM passage WHERE id = 3")
            assert memory.check() == [
                "the passages of chat c1 are not the windows of its messages",
                "1 index entries belong to no passage",
                "1 passages are not in the index",
                "1 index entries are out of date",
            ]
            memory.rebuild()
            assert memory.check() == []
            assert len(found(memory, "cat")) == 6

    def test_recalling_does_not_wait_for_a_change(self, tmp_path: Path, said: Said) -> None:
        """While one process writes, another finds what was there before, and its own changes come after."""
        path = tmp_path / "m.sqlite"
        with Memory.open(path) as memory, closing(connect(path)) as other:
            memory.sync([said(1, "cat")])
            other.execute("BEGIN IMMEDIATE")
            assert found(memory, "cat") == ["cat"]
            other.execute("COMMIT")
            memory.add("cat note", 0)
            assert len(found(memory, "cat")) == 2

    def test_threads_share_a_memory(self, memory: Memory, said: Said) -> None:
        """Syncs and recalls from several threads neither fail nor mix."""
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for n in range(10):
                    memory.add(f"cat {number} {n}", n)
                    assert memory.recall("cat", words=50).words <= 50
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert memory.count() == 40
        assert memory.check() == []

    def test_a_second_process_waits_and_reads(self, tmp_path: Path, said: Said) -> None:
        """While this one writes, another process finds what was there, and its own change comes after."""
        path = tmp_path / "m.sqlite"
        program = (
            "import sys; from pathlib import Path; from memory.memory import Memory\n"
            "with Memory.open(Path(sys.argv[1])) as memory:\n"
            "    print(len(memory.recall('cat').hits), flush=True)\n"
            "    print(memory.add('cat note', 0), flush=True)\n"
        )
        with Memory.open(path) as memory:
            memory.sync([said(1, "cat")])
            with memory._change():
                child = subprocess.Popen(
                    [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
                )
                assert child.stdout is not None
                assert child.stdout.readline() == "1\n"
                assert child.poll() is None, "it waits for its turn"
            assert int(child.stdout.readline()) > 0
            assert child.wait() == 0
            child.stdout.close()
            assert memory.count() == 2
            assert memory.check() == []

    @pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
    def test_a_full_disk_is_an_error_and_no_loss(self, tmp_path: Path, said: Said) -> None:
        """When a file cannot grow, the change fails as a whole; what was there is found, and changes work again."""
        path = tmp_path / "m.sqlite"
        with Memory.open(path) as memory:
            memory.sync([said(1, "cat")])
        program = (
            "import resource, signal, sqlite3, sys\n"
            "from pathlib import Path; from memory.memory import Memory\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "memory = Memory.open(Path(sys.argv[1]))\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))\n"
            "for number in range(10_000):\n"
            "    try: memory.add(f'acknowledged word{number} ' + 'and more ' * 200, number)\n"
            "    except sqlite3.OperationalError as failed:\n"
            "        error = failed\n"
            "        break\n"
            "    print(number, flush=True)\n"
            "print(error, flush=True)\n"
            "print(memory.count(), memory.recall('cat').hits[0].text, flush=True)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=300, cwd=ROOT
        )
        *numbers, error, left = done.stdout.splitlines()
        assert "disk" in error or "full" in error, done.stderr
        assert len(numbers) > 10
        assert left == f"{len(numbers) + 1} 2023-05-08 Anna: cat"
        with Memory.open(path) as memory:
            assert memory.check() == []
            assert memory.count() == len(numbers) + 1
            assert memory.add("room again", 0) > 0

    @pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and fork are POSIX")
    def test_killed_processes_lose_nothing_they_acknowledged(self, tmp_path: Path) -> None:
        """After kill -9 at random moments all that was acknowledged is found, and nothing else.

        benchmarks/memory_survival.py does it two hundred times.
        """
        pytest.importorskip("numpy")
        from benchmarks.memory_survival import survive

        result = survive(20, seed=3, folder=tmp_path)
        assert result["wrong"] == []
        assert result["acknowledged"] >= 20
