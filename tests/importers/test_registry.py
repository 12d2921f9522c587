"""A file, folder or zip is recognised by its content, or refused with an error that says what to do."""

import json
import random
import zipfile
from pathlib import Path

import pytest

from importers.registry import open_exports
from importers.source import Export, ImportFailure
from tests.importers.making import account, chat, raw, write
from tests.importers.making_html import write_html


def texts(place: Path) -> list[list[str]]:
    """Return the texts of every export at a place."""
    return [[m.text for m in export.messages()] for export in open_exports(place)]


def open_export(place: Path) -> Export:
    """Return the only export at a place."""
    [export] = open_exports(place)
    return export


def packed(folder: Path, to: Path, inside: str = "") -> Path:
    """Put a folder into a zip, below another name if wanted."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(folder.rglob("*")):
            opened.write(path, inside + path.relative_to(folder).as_posix())
    return to


class TestOpen:
    def test_file_and_folder(self, tmp_path: Path) -> None:
        """An export is opened by its file or by the folder Telegram wrote it into."""
        path = write(tmp_path, chat([raw(1)]))
        for place in (path, tmp_path):
            assert [message.id for message in open_export(place).messages()] == [1]
        assert open_exports(path, "telegram")[0].reading.platform == "telegram"

    def test_byte_order_mark(self, tmp_path: Path) -> None:
        """A byte order mark does no harm."""
        write(tmp_path, "\ufeff" + json.dumps(chat([raw(1)])))
        assert len(list(open_export(tmp_path).messages())) == 1

    @pytest.mark.parametrize("inside", ["", "ChatExport_2024-01-01/"])
    @pytest.mark.parametrize("form", ["json", "html"])
    def test_zip(self, tmp_path: Path, inside: str, form: str) -> None:
        """A zip of an export works as well as its folder, JSON or HTML, and can be read twice."""
        folder = tmp_path / "export"
        folder.mkdir()
        document = account([chat([raw(n, 1 + n % 2, f"text {n}") for n in range(1, 8)])])
        write(folder, document) if form == "json" else write_html(folder, document, page=3)
        export = open_export(packed(folder, tmp_path / "export.zip", inside))
        for _ in range(2):
            assert [m.text for m in export.messages()] == [f"text {n}" for n in range(1, 8)]
            assert export.reading.read == 7

    @pytest.mark.parametrize("late", ["id", "escape"])
    def test_zip_of_odd_json(self, tmp_path: Path, late: str) -> None:
        """A file that needs a second pass or a repair can be read from a zip."""
        messages = [raw(1, 2, "aXb"), raw(2, 1, "c")]
        text = json.dumps({"messages": messages, "name": "P", "type": "personal_chat", "id": 2})
        write(tmp_path, text.replace("aXb", "a\\x0Cb") if late == "escape" else text)
        with zipfile.ZipFile(tmp_path / "e.zip", "w") as opened:
            opened.write(tmp_path / "result.json", "result.json")
        assert [m.chat for m in open_export(tmp_path / "e.zip").messages()] == ["user2", "user2"]

    @pytest.mark.parametrize("name", ["messages.html", "messages2.html"])
    def test_any_page(self, tmp_path: Path, name: str) -> None:
        """Any page of a chat opens the whole chat."""
        write_html(tmp_path, chat([raw(1, 1, "a"), raw(2, 1, "b"), raw(3, 2, "c")]), page=2)
        assert texts(tmp_path / name) == [["a", "b", "c"]]

    @pytest.mark.parametrize("name", ["export_results.html", "lists/chats.html", "."])
    def test_any_page_of_an_account(self, tmp_path: Path, name: str) -> None:
        """The pages about an account open the whole account."""
        write_html(tmp_path, account([chat([raw(1, 1, "a")]), chat([raw(1, 1, "b")], 3)]))
        assert texts(tmp_path / name) == [["a", "b"]]

    def test_renamed_page(self, tmp_path: Path) -> None:
        """A page that was renamed is read by itself."""
        write_html(tmp_path, chat([raw(1, 1, "a")]))
        (tmp_path / "messages.html").rename(tmp_path / "Theo and me.html")
        assert texts(tmp_path / "Theo and me.html") == [["a"]]


class TestSideBySide:
    @pytest.mark.parametrize("name", [".", "messages.html"])
    def test_json_wins(self, tmp_path: Path, name: str) -> None:
        """If a folder holds both JSON and HTML, JSON is read, and a warning says so."""
        document = chat([raw(1, 1, "a")])
        write(tmp_path, document)
        write_html(tmp_path, document)
        export = open_export(tmp_path / name)
        assert [m.sender for m in export.messages()] == ["user1"]
        assert any("not the HTML beside it" in warning for warning in export.reading.warnings)

    def test_account(self, tmp_path: Path) -> None:
        """An account's JSON and HTML are one export, although its pages are in deeper folders."""
        document = account([chat([raw(1, 1, "a")])])
        write(tmp_path, document)
        write_html(tmp_path, document)
        assert len(open_exports(tmp_path)) == 1


class TestSeveral:
    def test_folder_of_exports(self, tmp_path: Path) -> None:
        """A folder of several exports yields each, JSON or HTML, in natural order."""
        for name, number in (("ChatExport_2", 2), ("ChatExport_10", 10)):
            (tmp_path / name).mkdir()
            write(tmp_path / name, chat([raw(1, 1, f"from {number}")]))
        write_html(tmp_path / "ChatExport_3", chat([raw(1, 1, "from 3")]))
        assert texts(tmp_path) == [["from 2"], ["from 3"], ["from 10"]]

    def test_renamed(self, tmp_path: Path) -> None:
        """Renamed exports in a folder are found by their content; other files are listed in a warning."""
        write(tmp_path, chat([raw(1, 1, "a")])).rename(tmp_path / "theo.json")
        write(tmp_path, chat([raw(1, 1, "b")])).rename(tmp_path / "ann.json")
        (tmp_path / "settings.json").write_text("{}")
        exports = open_exports(tmp_path)
        assert [[m.text for m in export.messages()] for export in exports] == [["b"], ["a"]]
        assert exports[0].reading.warnings[-1] == "not Telegram exports, left out: settings.json"


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("", "empty"),
            (" \n ", "empty"),
            ("[25.06.22, 07:25:11] Ann: hi", "not JSON"),
            ("Ann: hi", "not JSON"),
            ('{"messages": [1,, 2], "id": 1}', "line 1, column 17"),
            ('{"recipes": []}', "not a chat export"),
            ("[]", "not a chat export"),
            ('{"id": 1, "messages": [{"id"', "ends before its first complete message"),
            ("<!DOCTYPE html><p>hello", "not a chat export"),
        ],
    )
    def test_content(self, tmp_path: Path, content: str, says: str) -> None:
        """The error says what is wrong with a file, and what to try."""
        with pytest.raises(ImportFailure, match=says) as caught:
            open_export(write(tmp_path, content))
        assert caught.value.hint
        assert "\n" not in caught.value.message + caught.value.hint

    def test_places(self, tmp_path: Path) -> None:
        """Missing paths, folders of something else and unknown platforms are named."""
        with pytest.raises(ImportFailure, match="does not exist"):
            open_export(tmp_path / "nowhere.json")
        with pytest.raises(ImportFailure, match="not a chat export"):
            open_export(tmp_path)
        (tmp_path / "messages.html").write_text("<html>")
        with pytest.raises(ImportFailure, match="not a chat export"):
            open_export(tmp_path)
        with pytest.raises(ImportFailure, match="unknown platform: fax"):
            open_exports(tmp_path, "fax")

    def test_zip_of_something_else(self, tmp_path: Path) -> None:
        """A zip without an export says so, and that names which lead out of it were not read."""
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as opened:
            opened.writestr("../result.json", "{}")
        with pytest.raises(ImportFailure, match="1 of its files lead out of it"):
            open_export(tmp_path / "x.zip")
        assert not (tmp_path.parent / "result.json").exists()

    def test_large_page(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A page larger than Telegram writes them is refused before it fills the memory."""
        write_html(tmp_path, chat([raw(1, 1, "a" * 5000)]))
        monkeypatch.setattr("importers.telegram.html_pages.LARGEST_PAGE", 2000)
        with pytest.raises(ImportFailure, match="too large for a page of a chat"):
            texts(tmp_path)


class TestMutated:
    @pytest.mark.parametrize("form", ["zip", "page"])
    def test_no_surprises(self, tmp_path: Path, form: str) -> None:
        """A damaged zip or page is read as far as possible, or refused with an error."""
        write_html(tmp_path / "export", account([chat([raw(n, 1 + n % 2, f"text {n}") for n in range(1, 6)])]), page=3)
        page = tmp_path / "export" / "chats" / "chat_01" / "messages.html"
        path = page if form == "page" else packed(tmp_path / "export", tmp_path / "export.zip")
        whole, chance = path.read_bytes(), random.Random(form)
        for _ in range(150):
            path.write_bytes(mutant(whole, chance))
            try:
                for export in open_exports(path):
                    read = len(list(export.messages()))
                    assert export.reading.read == export.reading.dropped.total() + read
            except ImportFailure as failure:
                assert "\n" not in failure.message + failure.hint


def mutant(whole: bytes, chance: random.Random) -> bytes:
    """Return some bytes with a few of them changed, cut out, put in, or all cut off from a place on."""
    made = bytearray(whole)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(made) + 1)
        made[at : at + chance.choice([0, 1, 1, 50])] = chance.randbytes(chance.choice([0, 1, 1, 6]))
    return bytes(made[: chance.choice([None, None, None, chance.randrange(len(made) + 1)])])
