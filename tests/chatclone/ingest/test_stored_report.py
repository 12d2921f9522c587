"""Tests of the one reader of a data set's report."""

from pathlib import Path

import msgspec
import pytest

from chatclone.errors import ChatcloneError
from chatclone.ingest.import_run import Request, ingest
from chatclone.ingest.stored_report import read_report
from tests import exports


class TestReadReport:
    """Tests of `read_report`."""

    def test_what_an_import_wrote(self, tmp_path: Path) -> None:
        """The report has the counts, the options and the data of the import that wrote it."""
        done = ingest(Request([exports.small_export(tmp_path)], redact=False), tmp_path / "home")
        assert done.persona is not None
        stored = read_report(done.persona.dataset_folder)
        assert stored.last_import.split.train == done.document["split"]["train"]
        assert stored.last_import.messages.read == done.document["messages"]["read"]
        assert not stored.options.redact
        assert stored.data.to_dict() == done.data_set.report.to_dict()

    def test_missing(self, tmp_path: Path) -> None:
        """A missing file is an error that suggests an import."""
        with pytest.raises(ChatcloneError, match="cannot read the report") as error:
            read_report(tmp_path)
        assert error.value.hint == "import again: chatclone import"

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("import",), None),
            (("import", "split", "train"), -1),
            (("import", "messages", "read"), "many"),
            (("options", "redact"), "yes"),
            (("data", "chats"), [{"id": 1}]),
            (("data", "style"), []),
        ],
    )
    def test_damaged(self, tmp_path: Path, path: tuple[str, ...], value: object) -> None:
        """A value of another type is an error that names the file."""
        done = ingest(Request([exports.small_export(tmp_path)]), tmp_path / "home")
        assert done.persona is not None
        folder = done.persona.dataset_folder
        document = read_report(folder).document
        place = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        (folder / "report.json").write_bytes(msgspec.json.encode(document))
        with pytest.raises(ChatcloneError, match=r"report\.json"):
            read_report(folder)
