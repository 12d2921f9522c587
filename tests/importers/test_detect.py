"""A file or folder is recognised by its content, or refused in words a person can act on."""

import json
from pathlib import Path

import pytest

from importers.detect import open_export
from importers.reading import ImportFailure
from tests.importers.making import chat, raw, write


class TestOpen:
    def test_file_and_folder(self, tmp_path: Path) -> None:
        """An export is opened by its file or by the folder Telegram wrote it into."""
        path = write(tmp_path, chat([raw(1)]))
        for place in (path, tmp_path):
            assert [message.id for message in open_export(place).messages()] == [1]
        assert open_export(path, "telegram").reading.platform == "telegram"

    def test_byte_order_mark(self, tmp_path: Path) -> None:
        """A byte order mark does no harm."""
        write(tmp_path, "\ufeff" + json.dumps(chat([raw(1)])))
        assert len(list(open_export(tmp_path).messages())) == 1


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("", "empty"),
            (" \n ", "empty"),
            ("[25.06.22, 07:25:11] Ann: hi", "not JSON"),
            ("Ann: hi", "not JSON"),
            ('{"messages": [1,, 2], "id": 1}', "line 1, column 17"),
            ('{"recipes": []}', "no export known here"),
            ("[]", "no export known here"),
            ('{"id": 1, "messages": [{"id"', "ends before its first complete message"),
        ],
    )
    def test_content(self, tmp_path: Path, content: str, says: str) -> None:
        """What cannot be read is refused with what is wrong, and with what to try."""
        with pytest.raises(ImportFailure, match=says) as caught:
            open_export(write(tmp_path, content))
        assert caught.value.hint
        assert "\n" not in caught.value.message + caught.value.hint

    def test_places(self, tmp_path: Path) -> None:
        """Missing paths, folders of something else and unknown platforms are named."""
        with pytest.raises(ImportFailure, match="does not exist"):
            open_export(tmp_path / "nowhere.json")
        with pytest.raises(ImportFailure, match=r"holds no result\.json"):
            open_export(tmp_path)
        (tmp_path / "messages.html").write_text("<html>")
        with pytest.raises(ImportFailure, match="HTML"):
            open_export(tmp_path)
        with pytest.raises(ImportFailure, match="no platform known here"):
            open_export(tmp_path, "fax")
