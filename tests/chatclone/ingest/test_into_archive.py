"""However exports are cut, merged and repeated, the archive holds each message once and the sums hold."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatclone.archive.archive import Archive
from chatclone.ingest.into_archive import Tally, add_exports
from importers.message import Message
from tests import exports


@st.composite
def accounts(draw: st.DrawFn) -> dict[str, Any]:
    """Return an account of one to three chats with messages of all sorts."""
    chats = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        ids = draw(st.lists(st.integers(1, 30), unique=True, max_size=12).map(sorted))
        chats.append({**exports.chat([draw(messages(i)) for i in ids]), "id": 200 + number})
    return exports.account(*chats)


@st.composite
def messages(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """Return one message, which may be a service message, empty, or edited."""
    sort = draw(st.sampled_from(["plain", "plain", "plain", "service", "empty", "unsupported", "edited"]))
    if sort == "unsupported":
        return {"id": number, "type": "unsupported"}
    made = exports.message(number, draw(st.sampled_from([111, 222])), "" if sort == "empty" else f"text {number}")
    if sort == "edited":
        edited = exports.START + 100 * 86_400 + draw(st.integers(0, 5))
        made |= {"edited_unixtime": str(edited), "text_entities": [{"type": "plain", "text": f"edited at {edited}"}]}
    return made | ({"type": "service", "action": "joined_telegram"} if sort == "service" else {})


def take(archive: Archive, folder: Path, *documents: dict[str, Any]) -> Tally:
    """Read documents into an archive in one import, and check its sums."""
    paths = [exports.write(folder, document, f"{n}.json") for n, document in enumerate(documents)]
    with archive.transaction():
        tally = add_exports(archive, paths, None, lambda what, done: None)
    assert tally.read == tally.duplicates + tally.dropped.total() + tally.kept
    assert 0 <= tally.new <= tally.read
    return tally


def held(archive: Archive) -> list[Message]:
    """Return everything in an archive."""
    return [m for platform, chat in sorted(archive.chats(), key=str) for m in archive.messages(platform, chat.id)]


def total(document: dict[str, Any]) -> int:
    """Return how many messages stand in a document."""
    return sum(len(chat["messages"]) for chat in document["chats"]["list"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all examples, each of which takes names of its own."""
    return tmp_path_factory.mktemp("intake")


FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestRandomExports:
    @FEW
    @given(document=accounts())
    def test_twice_is_once(self, folder: Path, document: dict[str, Any]) -> None:
        """An import done again, or of the same file twice, changes nothing, and its account says so."""
        archive = Archive(_fresh(folder))
        first = take(archive, folder, document)
        assert first.new == first.read == total(document)
        before = held(archive)
        again = take(archive, folder, document, document)
        assert (again.new, again.kept, again.edited) == (0, 0, 0)
        assert again.read == 2 * first.read
        assert held(archive) == before
        archive.close()

    @FEW
    @given(document=accounts(), cut=st.integers(0, 30), data=st.data())
    def test_parts_are_the_whole(self, folder: Path, document: dict[str, Any], cut: int, data: st.DataObject) -> None:
        """Overlapping parts of an account, in any order, together or one by one, make the whole."""
        whole, parts = Archive(_fresh(folder)), Archive(_fresh(folder))
        take(whole, folder, document)
        texts = json.dumps(document)
        early, late = json.loads(texts), json.loads(texts)
        for chat in early["chats"]["list"]:
            chat["messages"] = [m for m in chat["messages"] if m["id"] <= cut]
        for chat in late["chats"]["list"]:
            chat["messages"] = [m for m in chat["messages"] if m["id"] > cut - 3]
        order = data.draw(st.permutations([early, late]))
        if data.draw(st.booleans()):
            take(parts, folder, *order)
        else:
            for part in order:
                take(parts, folder, part)
        assert held(parts) == held(whole)
        for archive in (whole, parts):
            archive.close()


class TestEdits:
    @pytest.mark.parametrize("later_first", [True, False])
    def test_the_later_one_stays(self, tmp_path: Path, later_first: bool) -> None:
        """Of two exports with an edit between them the edited text stays, in whichever order they come."""

        def version(text: str, edited: int) -> dict[str, Any]:
            entities = [{"type": "plain", "text": text}]
            message = exports.message(1, 111, text, text_entities=entities, edited_unixtime=str(edited))
            return exports.account(exports.chat([message]))

        versions = [version("first", exports.START + 90), version("second", exports.START + 900)]
        archive = Archive(tmp_path / "a.sqlite")
        tally = take(archive, tmp_path, *(reversed(versions) if later_first else versions))
        assert [m.text for m in held(archive)] == ["second"]
        assert tally.edited == (0 if later_first else 1)
        archive.close()


class TestMerged:
    def test_one_chat_twice_in_a_file(self, tmp_path: Path) -> None:
        """A file that people put together of overlapping exports holds each message once."""
        archive = Archive(tmp_path / "a.sqlite")
        merged = exports.account(exports.chat(exports.conversation(5)), exports.chat(exports.conversation(8)))
        tally = take(archive, tmp_path, merged)
        assert (tally.read, tally.kept, tally.duplicates) == (26, 16, 10)
        archive.close()

    def test_renamed_person(self, tmp_path: Path) -> None:
        """One id is one person, under the name of the latest export read."""
        early, late = exports.conversation(3), [{**m, "from": "M"} for m in exports.conversation(5)[6:]]
        archive = Archive(tmp_path / "a.sqlite")
        take(archive, tmp_path, exports.chat(early), exports.chat([m for m in late if m["from_id"] == "user111"]))
        assert {i: p.name for i, p in archive.people().items()} == {"user111": "M", "user222": "Theo Marsh"}
        archive.close()


_made = 0


def _fresh(folder: Path) -> Path:
    """Return a path that no example had before."""
    global _made
    _made += 1
    return folder / f"{_made}.sqlite"
