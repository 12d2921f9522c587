"""One chat in two forms is one where its messages show it, and two where they do not."""

import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from chatclone.archive.archive import Archive
from chatclone.ingest.import_run import Ingested, Request, ingest
from tests import exports
from tests.chatclone.ingest.test_import_run import assert_sums_hold
from tests.importers.making_html import write_html


def do(home: Path, *paths: Path, **options: Any) -> Ingested:
    done = ingest(Request(paths, **options), home)
    assert_sums_hold(done.document)
    return done


def both(tmp_path: Path, document: dict[str, Any]) -> tuple[Path, Path]:
    """Write an export as JSON and as HTML, each into a folder of its own."""
    return exports.write(tmp_path / "json", document), write_html(tmp_path / "html", document)


def stored(done: Ingested) -> dict[str, set[str]]:
    """Return who wrote in which chat."""
    assert done.persona is not None
    archive = Archive(done.persona.archive_file)
    found = {chat.id: {m.sender for m in archive.messages(p, chat.id)} for p, chat in archive.chats()}
    archive.close()
    return found


ACCOUNT = exports.account(exports.chat(exports.conversation(30)))
BOTH_IDS = {"user222": {"user111", "user222"}}


class TestOneAccount:
    @pytest.mark.parametrize("html_first", [True, False])
    def test_overlapping(self, tmp_path: Path, html_first: bool) -> None:
        """The same messages in both forms are there once, under ids, whichever comes first."""
        json_path, html_path = both(tmp_path, ACCOUNT)
        paths = [html_path, json_path] if html_first else [json_path, html_path]
        home = tmp_path / "home"
        first = do(home, paths[0])
        second = do(home, paths[1])
        assert second.persona is not None
        assert first.persona is not None
        assert second.persona.folder == first.persona.folder
        assert second.persona.ids == {"telegram": "user111"}
        assert stored(second) == BOTH_IDS
        assert (second.document["messages"]["kept"], second.document["messages"]["duplicates"]) == (0, 60)
        for path in paths:
            again = do(home, path)
            assert (again.document["messages"]["new"], again.document["messages"]["duplicates"]) == (0, 60)
            assert stored(again) == BOTH_IDS

    def test_at_once(self, tmp_path: Path) -> None:
        """Both in one import count once as new."""
        done = do(tmp_path / "home", *both(tmp_path, ACCOUNT))
        assert (done.document["messages"]["kept"], done.document["messages"]["duplicates"]) == (60, 60)
        assert stored(done) == BOTH_IDS

    def test_partly(self, tmp_path: Path) -> None:
        """What only the pages hold is kept, under the ids that the rest shows."""
        later = deepcopy(ACCOUNT)
        later["chats"]["list"][0]["messages"] = exports.conversation(40)[40:]
        earlier = deepcopy(ACCOUNT)
        done = do(tmp_path / "home", exports.write(tmp_path / "json", later), write_html(tmp_path / "html", earlier))
        assert done.document["messages"]["kept"] == 80
        assert stored(done) == BOTH_IDS

    def test_old_pages_without_zones(self, tmp_path: Path) -> None:
        """Local times, hours away from the true ones, do not hide that it is one chat."""
        document = deepcopy(ACCOUNT)
        pages = write_html(tmp_path / "html", document)
        for page in pages.rglob("messages*.html"):
            page.write_text(page.read_text("utf-8").replace(" UTC+03:00", ""), "utf-8")
        assert stored(do(tmp_path / "home", exports.write(tmp_path / "json", document), pages)) == BOTH_IDS

    def test_no_common_message(self, tmp_path: Path) -> None:
        """The owner of both exports of one persona is one; others of one name stay apart, with a warning."""
        later = deepcopy(ACCOUNT)
        later["chats"]["list"][0]["messages"] = exports.conversation(40)[40:]
        home = tmp_path / "home"
        do(home, exports.write(tmp_path / "json", later))
        earlier = deepcopy(ACCOUNT)
        earlier["chats"]["list"][0]["messages"] = exports.conversation(20)
        done = do(home, write_html(tmp_path / "html", earlier))
        assert stored(done) == {
            "user222": {"user111", "user222"},
            "name:Theo Marsh": {"user111", "name:Theo Marsh"},
        }
        warnings = " ".join(done.document["warnings"])
        assert "Theo Marsh: an HTML export holds somebody of this name" in warnings
        assert "taken to be user111" in warnings

    def test_another_chat_of_one_number(self, tmp_path: Path) -> None:
        """Groups number their messages alike; that alone makes none the same."""
        texts = exports.conversation(30)
        random.Random(5).shuffle(texts)
        groups = [
            {**exports.chat(messages), "type": "private_supergroup", "id": number, "name": name}
            for number, name, messages in (
                (8, "Choir", exports.conversation(30)),
                (9, "Rowing", [{**m, "id": n, "date_unixtime": str(1_700_000_007 + n)} for n, m in enumerate(texts)]),
            )
        ]
        home = tmp_path / "home"
        do(home, exports.write(tmp_path / "json", exports.account(groups[0])))
        done = do(home, write_html(tmp_path / "html", exports.account(groups[1])))
        assert set(stored(done)) == {"channel8", "name:Rowing"}


class TestTwoOfOneName:
    def test_names_that_mean_two(self, tmp_path: Path) -> None:
        """Where a name means two people, their common messages tell them apart, and the rest is warned of."""
        said = []
        for n in range(1, 41, 2):
            said.append(exports.message(n, 222 + n // 2 % 2, f"so what about number {n}", **{"from": "Alex"}))
            said.append(exports.message(n + 1, exports.OWNER, f"no idea about {n} to be fair", reply_to_message_id=n))
        group = {**exports.chat(said), "type": "private_supergroup", "id": 8, "name": "Choir"}
        done = do(tmp_path / "home", *both(tmp_path, exports.account(group)))
        assert stored(done) == {"channel8": {"user222", "user223", "user111"}}
        assert any("Alex is the name of 2 people" in warning for warning in done.document["warnings"])


class TestMigrated:
    def test_basic_group(self, tmp_path: Path) -> None:
        """An old export of a group and one of the supergroup that it became hold its first messages once."""
        old = {**exports.chat(exports.conversation(20)), "type": "private_group", "id": 5, "name": "Choir"}
        moved = [{**m, "id": m["id"] - 1_000_000_000} for m in exports.conversation(20)[:30]]
        later = exports.conversation(25)[40:]
        new = {**exports.chat([*moved, *later]), "type": "private_supergroup", "id": 6, "name": "Choir"}
        home = tmp_path / "home"
        do(home, exports.write(tmp_path / "old", exports.account(old)))
        done = do(home, exports.write(tmp_path / "new", exports.account(new)))
        assert stored(done) == {"channel6": {"user111", "user222"}}
        assert done.document["messages"]["kept"] == 10
        assert done.document["messages"]["duplicates"] == 30
