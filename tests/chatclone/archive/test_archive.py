"""The archive: what is stored comes back, importing again adds only what is new, forgetting lasts."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chatclone.archive.archive import MIGRATIONS, Archive
from chatclone.errors import ChatcloneError
from importers.message import Chat, Media, Message, Person, Span

CHAT = Chat("7", "personal", "Theo")
RICH = Message(
    chat="7",
    id=3,
    sent_at=1_700_000_000,
    sender="user1",
    text="смотри 🐌 https://example.org",
    media=Media("voice", seconds=14),
    reply_to=2,
    edited_at=1_700_000_050,
    forwarded=True,
    via_bot=True,
    spans=(Span("link", 9, 28),),
)


MESSAGES = st.builds(
    Message,
    chat=st.just("7"),
    id=st.integers(-5, 50),
    sent_at=st.integers(0, 9),
    sender=st.sampled_from(["user1", "user2"]),
    text=st.sampled_from(["", "hey", "смотри 🐌"]),
    media=st.sampled_from([None, Media("photo"), Media("voice", seconds=0)]),
    reply_to=st.sampled_from([None, 0, 3]),
    edited_at=st.sampled_from([None, 0, 7]),
    forwarded=st.booleans(),
    via_bot=st.booleans(),
    spans=st.sampled_from([(), (Span("link", 0, 2),)]),
)


def plain(number: int, text: str = "hey", sender: str = "user2", chat: str = "7") -> Message:
    return Message(chat=chat, id=number, sent_at=1_700_000_000 + number, sender=sender, text=text)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An empty archive."""
    opened = Archive(tmp_path / "archive.sqlite")
    yield opened
    opened.close()


class TestAdd:
    """Storing messages."""

    def test_round_trip(self, archive: Archive) -> None:
        """Every field of a message survives, and messages come back in the order of their ids."""
        with archive.transaction():
            added = archive.add("telegram", [RICH, plain(-5), plain(2)])
            archive.add_names("telegram", [CHAT], [Person("user1", "Mira"), Person("user2", "Theo")])
        assert (added.new, added.duplicates) == (3, 0)
        assert list(archive.messages("telegram", "7")) == [plain(-5), plain(2), RICH]
        assert archive.chats() == [("telegram", CHAT)]
        assert archive.people()["user1"] == Person("user1", "Mira")
        assert archive.counts() == {"user1": 1, "user2": 2}

    def test_one_id_on_two_platforms(self, archive: Archive) -> None:
        """Two people whose ids are equal, each on a platform of their own, stay apart, also when one is forgotten."""
        for platform, name in (("telegram", "Mira"), ("other", "Theo")):
            with archive.transaction():
                archive.add(platform, [plain(1)])
                archive.add_names(platform, [CHAT], [Person("user2", name)])
        assert archive.people("telegram")["user2"].name == "Mira"
        assert archive.people("other")["user2"].name == "Theo"
        assert archive.counts("other") == {"user2": 1}
        with archive.transaction():
            assert archive.forget("telegram", person="user2") == 1
        assert archive.people("telegram") == {} and archive.people("other")["user2"].name == "Theo"
        assert archive.platforms() == ["other"]

    def test_twice(self, archive: Archive) -> None:
        """The same messages again are duplicates and change nothing."""
        messages = [plain(n) for n in range(20)]
        with archive.transaction():
            archive.add("telegram", messages)
        with archive.transaction():
            again = archive.add("telegram", [*messages, plain(99)])
        assert (again.new, again.duplicates, again.edited) == (1, 20, 0)
        assert len(list(archive.messages("telegram", "7"))) == 21

    def test_edit(self, archive: Archive) -> None:
        """A later edit replaces the text; an earlier one, from an older export, does not."""
        with archive.transaction():
            archive.add("telegram", [RICH])
            later = archive.add("telegram", [replace(RICH, text="newer", edited_at=1_700_000_090)])
            older = archive.add("telegram", [replace(RICH, text="older", edited_at=1_700_000_010)])
        assert (later.edited, older.edited) == (1, 0)
        assert next(archive.messages("telegram", "7")).text == "newer"

    def test_twice_in_one_batch(self, archive: Archive) -> None:
        """Of a message that an export holds with and without its edit, the edited one stays, whichever comes first."""
        edited = replace(plain(1, "newer"), edited_at=1_700_000_090)
        for chat, both in (("7", [plain(1), edited]), ("8", [edited, plain(1)])):
            with archive.transaction():
                added = archive.add("telegram", [replace(message, chat=chat) for message in both])
            assert (added.new, added.duplicates) == (1, 1)
            assert [message.text for message in archive.messages("telegram", chat)] == ["newer"]

    def test_the_first_of_two_stays(self, archive: Archive) -> None:
        """Of two that were edited at no other time the first is kept, whichever of them is text alone."""
        marked = replace(plain(1, "my number is 5550100"), spans=(Span("phone", 13, 20),))
        for chat, both in (("7", [marked, replace(marked, spans=())]), ("8", [replace(marked, spans=()), marked])):
            first, second = (replace(message, chat=chat) for message in both)
            with archive.transaction():
                added = archive.add("telegram", [first, second, plain(2, chat=chat)])
            assert (added.new, added.duplicates, added.edited) == (2, 1, 0)
            assert next(archive.messages("telegram", chat)) == first

    @given(st.lists(MESSAGES, max_size=8, unique_by=lambda message: message.id))
    def test_any_message_survives(self, messages: list[Message]) -> None:
        """Whatever of it is there and whatever is not, it comes back, and its words as a conversation has them."""
        with TemporaryDirectory() as folder, closing(Archive(Path(folder) / "archive.sqlite")) as archive:
            with archive.transaction():
                assert archive.add("telegram", messages).new == len(messages)
            ordered = sorted(messages, key=lambda message: message.id)
            assert list(archive.messages("telegram", "7")) == ordered
            said = [(m.id, m.sent_at, m.utc_offset or 0, m.sender, m.content) for m in ordered if m.text]
            assert list(archive.texts("telegram", "7")) == said

    def test_platforms_are_apart(self, archive: Archive) -> None:
        """The same ids on another platform are other messages."""
        with archive.transaction():
            archive.add("telegram", [plain(1)])
            assert archive.add("whatsapp", [plain(1, "hi")]).new == 1
        assert next(archive.messages("telegram", "7")).text == "hey"

    def test_failure_leaves_nothing(self, archive: Archive) -> None:
        """A transaction that fails in the middle stores nothing of it."""

        def broken() -> Iterator[Message]:
            yield plain(1)
            raise RuntimeError("the file ended")

        with pytest.raises(RuntimeError), archive.transaction():
            archive.add("telegram", broken())
        assert list(archive.messages("telegram", "7")) == []

    def test_dry_run(self, archive: Archive) -> None:
        """A transaction that is not kept stores nothing."""
        with archive.transaction(keep=False):
            assert archive.add("telegram", [plain(1)]).new == 1
            archive.add_names("telegram", [CHAT], [])
            assert archive.chats() == [("telegram", CHAT)]
        assert archive.counts() == {}
        assert archive.chats() == []

    def test_chats_are_those_of_now(self, archive: Archive) -> None:
        """They are counted once, and again after every change."""
        other = Chat("8", CHAT.kind, CHAT.name)
        with archive.transaction():
            archive.add("telegram", [plain(1), plain(1, chat="8"), plain(2, chat="8")])
            archive.add_names("telegram", [CHAT, other], [])
            assert archive.chats() == archive.chats() == [("telegram", other), ("telegram", CHAT)]
            archive.add("telegram", [plain(2), plain(3)])
            assert archive.chats() == [("telegram", CHAT), ("telegram", other)]
            archive.forget("telegram", chat="7")
            assert archive.chats() == [("telegram", other)]


class TestForget:
    """Removing a person or a chat for good."""

    def test_person(self, archive: Archive) -> None:
        """Their messages are gone everywhere, and do not come back with the next import."""
        messages = [plain(1), plain(2, sender="user1"), plain(3, chat="8")]
        with archive.transaction():
            archive.add("telegram", messages)
        assert archive.forget("telegram", person="user2") == 2
        with archive.transaction():
            again = archive.add("telegram", messages)
        assert (again.new, again.duplicates, again.forgotten) == (0, 1, 2)
        assert archive.counts() == {"user1": 1}

    def test_chat(self, archive: Archive) -> None:
        """The chat is gone, others stay."""
        with archive.transaction():
            archive.add("telegram", [plain(1), plain(3, chat="8")])
        assert archive.forget("telegram", chat="8") == 1
        assert [m.chat for m in archive.messages("telegram", "7")] == ["7"]

    def test_names_are_not_kept(self, archive: Archive, tmp_path: Path) -> None:
        """Neither the tombstone nor the chat with them tells who was forgotten."""
        with archive.transaction():
            archive.add("telegram", [plain(1), plain(2, sender="user1")])
            archive.add_names("telegram", [Chat("user2", "personal", "Theo")], [Person("user2", "Theo Marsh")])
        archive.forget("telegram", person="user2")
        with archive.transaction():
            archive.add_names("telegram", [Chat("user2", "personal", "Theo")], [Person("user2", "Theo Marsh")])
        archive.compact()
        assert archive.people() == {}
        assert b"Theo" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())

    def test_namesakes(self, archive: Archive) -> None:
        """Who is called like somebody forgotten by id stays, by id or where a name is all there is."""
        with archive.transaction():
            archive.add(
                "telegram", [plain(1), plain(2, sender="user9"), plain(3, sender="name:Theo", chat="name:Theo")]
            )
            archive.add_names("telegram", [], [Person(i, "Theo") for i in ("user2", "user9", "name:Theo")])
        assert archive.forget("telegram", person="user2") == 1
        with archive.transaction():
            assert archive.add("telegram", [plain(4, sender="user9"), plain(5, sender="name:Theo")]).new == 2

    def test_dropped_before(self, archive: Archive) -> None:
        """Of what an export drops, that is new which the last export of the same chats did not drop."""
        assert archive.dropped_first("telegram", ["1", "2"], 5, seen=False) == 5
        assert archive.dropped_first("telegram", ["2", "1"], 8, seen=True) == 3
        assert archive.dropped_first("telegram", ["2", "1"], 2, seen=True) == 0
        assert archive.dropped_first("telegram", ["2", "1"], 8, seen=True) == 0
        assert archive.dropped_first("telegram", ["1"], 4, seen=True) == 0


class TestFile:
    """The file itself."""

    def test_private(self, tmp_path: Path) -> None:
        """Only the user may read it."""
        Archive(tmp_path / "a.sqlite").close()
        assert (tmp_path / "a.sqlite").stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("content", [b"no database at all" * 300, b"SQLite format 3\0" + b"x" * 4096])
    def test_damaged(self, tmp_path: Path, content: bytes) -> None:
        """A file that is no archive any more is an error that says what to do, and stays as it is."""
        path = tmp_path / "archive.sqlite"
        path.write_bytes(content)
        with pytest.raises(ChatcloneError, match="cannot be read") as error:
            Archive(path)
        assert "import" in error.value.hint
        assert path.read_bytes() == content

    def test_two_at_once(self, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """While one import writes, another that has waited long enough says so, and what the first wrote stays."""
        monkeypatch.setattr("chatclone.archive.archive.BUSY_SECONDS", 0.01)
        with closing(Archive(tmp_path / "archive.sqlite")) as other, archive.transaction():
            archive.add("telegram", [plain(1)])
            with pytest.raises(ChatcloneError, match="another import"), other.transaction():
                other.add("telegram", [plain(2)])
        assert archive.counts() == {"user2": 1}

    def test_what_is_no_other_import(self, archive: Archive) -> None:
        """What goes wrong at the beginning of a transaction for another reason is not taken for a file in use."""
        with (
            archive.transaction(),
            pytest.raises(sqlite3.OperationalError, match="within a transaction"),
            archive.transaction(),
        ):
            archive.add("telegram", [plain(1)])

    def test_a_file_from_before_the_first_release(self, tmp_path: Path) -> None:
        """A file whose version number meant other tables is refused, with what to do, and left as it is."""
        db = sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)
        db.execute("PRAGMA user_version=1")
        with pytest.raises(ChatcloneError, match="before the first release") as error:
            Archive(tmp_path / "a.sqlite")
        assert "import your exports again" in error.value.hint
        assert db.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
        db.close()

    def test_reopened(self, tmp_path: Path) -> None:
        """A migrated file opens again with what it held."""
        first = Archive(tmp_path / "a.sqlite")
        with first.transaction():
            first.add("telegram", [plain(1)])
        first.close()
        second = Archive(tmp_path / "a.sqlite")
        assert second.counts() == {"user2": 1}
        assert second._db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
        second.close()
