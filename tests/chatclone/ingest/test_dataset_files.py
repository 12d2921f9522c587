"""What is made from the archive: whole or not at all, and made again as it was asked for."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatclone.ingest.dataset_files import write_data_set
from chatclone.ingest.import_run import Ingested, Request, ingest
from chatclone.ingest.stored_report import DataOptions
from importers.dataset.build import Example
from tests import exports


def imported(tmp_path: Path, pairs: int = 60) -> Ingested:
    return ingest(Request([exports.small_export(tmp_path, pairs)]), tmp_path / "home")


class TestWriting:
    def test_all_or_nothing(self, tmp_path: Path) -> None:
        """A data set that cannot be written to its end leaves the one before, part for part."""
        done = imported(tmp_path)
        assert done.persona is not None
        before = {path.name: path.read_bytes() for path in done.persona.dataset_folder.iterdir()}

        def broken() -> Iterator[Example]:
            yield next(iter(done.data_set.train))
            raise OSError(28, "No space left on device")

        for unwritable in (replace(done.data_set, train=broken()), replace(done.data_set, eval=broken())):
            with pytest.raises(OSError, match="No space"):
                write_data_set(done.persona, unwritable, done.document, DataOptions("balanced", True, []))
        assert {path.name: path.read_bytes() for path in done.persona.dataset_folder.iterdir()} == before

    def test_the_same_again(self, tmp_path: Path) -> None:
        """The lines can be asked for more than once, and are the same each time."""
        done = imported(tmp_path)
        first, second = ([example.line() for example in done.data_set.train] for _ in range(2))
        assert first == second
        assert len(first) > 5
