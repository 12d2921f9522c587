"""Folders and zips yield their JSON and HTML files; files outside are ignored and zip bombs are refused."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from importers.files import Limits, ZippedFile, in_folder, in_zip, is_zip, natural
from importers.source import ImportFailure


def zipped(folder: Path, files: Mapping[str, str], name: str = "export.zip") -> Path:
    """Write a zip with these files."""
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for inner, content in files.items():
            opened.writestr(inner, content)
    return path


class TestFolder:
    def test_names(self, tmp_path: Path) -> None:
        """Only JSON and HTML files count, in natural order; hidden files do not."""
        for name in (
            "messages10.html",
            "messages9.html",
            "a/result.json",
            "photo.jpg",
            ".x.json",
            "a/b/c/d/e/f/g.json",
        ):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("{}")
        assert list(in_folder(tmp_path).files) == ["a/result.json", "messages9.html", "messages10.html"]

    def test_links(self, tmp_path: Path) -> None:
        """A link to a file within the folder is followed; one that leads out of it is ignored and counted."""
        inside, outside = tmp_path / "inside", tmp_path / "outside"
        for folder in (inside, outside):
            folder.mkdir()
            (folder / "result.json").write_text("{}")
        (inside / "here.json").symlink_to(inside / "result.json")
        (inside / "there.json").symlink_to(outside / "result.json")
        (inside / "nowhere.json").symlink_to(inside / "missing.json")
        (inside / "folder").symlink_to(outside, target_is_directory=True)
        found = in_folder(inside)
        assert list(found.files) == ["here.json", "result.json"]
        assert found.left_out == 1


class TestZip:
    def test_streams(self, tmp_path: Path) -> None:
        """Zipped files can be read several times, and nothing is unpacked to disk."""
        path = zipped(tmp_path, {"ChatExport/result.json": '{"a": 1}', "ChatExport/photos/a.jpg": "x"})
        files = in_zip(path).files
        assert list(files) == ["ChatExport/result.json"]
        for _ in range(2):
            with files["ChatExport/result.json"].open("rb") as opened:
                assert (opened.read(3), opened.read()) == (b'{"a', b'": 1}')
        assert list(tmp_path.iterdir()) == [path]

    def test_names_that_lead_out(self, tmp_path: Path) -> None:
        """Names with .. or a root are ignored, as are the extra entries of macOS."""
        names = [
            "../result.json",
            "/etc/result.json",
            "a/../../b.json",
            "C:/x.json",
            "..\\x.json",
            "__MACOSX/result.json",
        ]
        found = in_zip(zipped(tmp_path, dict.fromkeys(names, "{}")))
        assert not found.files
        assert found.left_out == len(names)

    @pytest.mark.parametrize(
        ("limits", "says"),
        [
            (Limits(entries=1), "holds 2 files"),
            (Limits(total_bytes=1000), "would unpack to"),
            (Limits(ratio=10, ratio_from=1000), "packed too tightly"),
        ],
    )
    def test_bombs(self, tmp_path: Path, limits: Limits, says: str) -> None:
        """Too many files, too many bytes or too high a compression ratio are refused before reading."""
        path = zipped(tmp_path, {"result.json": "0" * 100_000, "other.json": "{}"})
        with pytest.raises(ImportFailure, match=says) as caught:
            in_zip(path, limits)
        assert caught.value.hint
        assert in_zip(path).files

    def test_pictures_do_not_count(self, tmp_path: Path) -> None:
        """Files that are not read may have any size."""
        path = zipped(tmp_path, {"result.json": "{}", "video.mp4": "0" * 100_000})
        assert in_zip(path, Limits(total_bytes=1000, ratio=10, ratio_from=1000)).files

    def test_locked(self, tmp_path: Path) -> None:
        """A zip with a password says so."""
        path = zipped(tmp_path, {"result.json": "{}"})
        content = bytearray(path.read_bytes())
        content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag of encryption in the list of contents
        path.write_bytes(content)
        with pytest.raises(ImportFailure, match="locked with a password"):
            in_zip(path)

    @pytest.mark.parametrize("content", [b"PK\x03\x04 and then nothing", b"PK\x05\x06"])
    def test_broken(self, tmp_path: Path, content: bytes) -> None:
        """A zip that is none is named broken."""
        path = tmp_path / "export.zip"
        path.write_bytes(content)
        assert is_zip(path)
        with pytest.raises(ImportFailure, match=r"export\.zip is a damaged zip"):
            in_zip(path)

    @pytest.mark.parametrize("at", [60, 200])
    def test_damaged_inside(self, tmp_path: Path, at: int) -> None:
        """Damage within a file is named when it is met."""
        path = zipped(tmp_path, {"result.json": "".join(str(n * n) for n in range(2000))})
        content = bytearray(path.read_bytes())
        content[at] ^= 0xFF
        path.write_bytes(content)
        file = in_zip(path).files["result.json"]
        assert isinstance(file, ZippedFile)
        with pytest.raises(ImportFailure, match="damaged zip"), file.open("rb") as opened:
            opened.read()

    def test_understated_size(self, tmp_path: Path) -> None:
        """A file never yields more bytes than the zip declares."""
        path = zipped(tmp_path, {"result.json": "0" * 5000})
        content = path.read_bytes().replace((5000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
        path.write_bytes(content)
        with pytest.raises(ImportFailure), in_zip(path).files["result.json"].open("rb") as opened:
            assert len(opened.read(4000)) <= 10
            opened.read()


def test_natural_order() -> None:
    """Numbers are compared as numbers."""
    assert sorted(["b", "a10", "a9", "a"], key=natural) == ["a", "a9", "a10", "b"]
