"""Fetching llama.cpp's scripts, and what is refused."""

import io
import os
import sys
import tarfile
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError
from chatclone.export import converter

NAMES = (
    "convert_hf_to_gguf.py",
    "convert_lora_to_gguf.py",
    "conversion/base.py",
    "gguf-py/gguf/__init__.py",
    "LICENSE",
)


def _sdist(path: Path, *names: str) -> Path:
    """Write an archive with a small file under each name."""
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
        link = tarfile.TarInfo("llama-1/vendor/llama.cpp/conversion/link.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path


def _full(path: Path, *more: str) -> Path:
    return _sdist(path, *(f"llama-1/vendor/llama.cpp/{name}" for name in NAMES), *more)


class TestUnpack:
    """Only the wanted files reach the disk."""

    def test_wanted_files(self, tmp_path: Path) -> None:
        """The scripts and their packages are unpacked, the rest of the archive is not."""
        sdist = _full(tmp_path / "a.tar.gz", "llama-1/setup.py", "llama-1/vendor/llama.cpp/src/llama.cpp")
        converter.unpack(sdist, tmp_path / "out")
        files = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()}
        assert files == set(NAMES)

    @pytest.mark.parametrize(
        "name",
        [
            "llama-1/vendor/llama.cpp/conversion/../../../evil.py",
            "llama-1/../vendor/llama.cpp/conversion/evil.py",
            "/vendor/llama.cpp/../conversion/evil.py",
            "../evil.py",
        ],
    )
    def test_names_that_climb(self, tmp_path: Path, name: str) -> None:
        """A name that leads out of the folder is skipped."""
        converter.unpack(_full(tmp_path / "a.tar.gz", name), tmp_path / "deep" / "out")
        assert not list(tmp_path.rglob("evil.py"))

    def test_missing_scripts(self, tmp_path: Path) -> None:
        """An archive without the scripts is an error."""
        sdist = _sdist(tmp_path / "a.tar.gz", "llama-1/vendor/llama.cpp/LICENSE")
        with pytest.raises(ChatcloneError, match=r"has no vendor/llama\.cpp/convert_hf_to_gguf\.py"):
            converter.unpack(sdist, tmp_path / "out")


class TestHash:
    """The hash of the archive is checked."""

    def test_known(self, tmp_path: Path) -> None:
        """A tested version must have its known hash."""
        with pytest.raises(ChatcloneError, match="is not the expected file"):
            converter._check_hash(_full(tmp_path / "a.tar.gz"), tmp_path / "record", "00ff")

    def test_recorded(self, tmp_path: Path) -> None:
        """For any other version the first hash is recorded, and a different one refused."""
        first, record = _full(tmp_path / "a.tar.gz"), tmp_path / "record"
        converter._check_hash(first, record, None)
        converter._check_hash(first, record, None)
        with pytest.raises(ChatcloneError, match="is not the expected file"):
            converter._check_hash(_full(tmp_path / "b.tar.gz", "llama-1/more"), record, None)


class TestWhereFrom:
    """pip, or a folder of the user's."""

    def test_offline(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without an index the error says what is needed, and no file is left."""
        pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
        for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(ChatcloneError, match="the converter needs the source of llama-cpp-python") as caught:
            converter.scripts_folder(tmp_path)
        assert "--llama-cpp DIR" in caught.value.hint
        assert not [p for p in tmp_path.rglob("*") if p.is_file()]

    def test_a_checkout(self, tmp_path: Path) -> None:
        """A checkout of llama.cpp is used as it is; another folder is refused."""
        with pytest.raises(ChatcloneError, match=r"has no convert_hf_to_gguf\.py"):
            converter.scripts_folder(tmp_path, tmp_path)
        converter.unpack(_full(tmp_path / "a.tar.gz"), tmp_path / "llama.cpp")
        assert converter.scripts_folder(tmp_path, tmp_path / "llama.cpp") == tmp_path / "llama.cpp"

    def test_two_at_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """When two processes fetch at once, the slower one uses the folder of the faster."""
        monkeypatch.setattr(converter, "SHA256", {})
        monkeypatch.setattr("importlib.metadata.version", lambda _: "1")
        sdist, arrived = _full(tmp_path / "llama.tar.gz"), list[Path]()

        def slow(_: str, place: Path) -> Path:
            if not arrived:
                arrived.append(place)
                converter.scripts_folder(tmp_path)
            return sdist

        monkeypatch.setattr(converter, "_download", slow)
        folder = converter.scripts_folder(tmp_path)
        assert (folder / "convert_hf_to_gguf.py").exists()
        assert sorted(p.name for p in folder.parent.iterdir()) == ["1", "1.sha256"]


class TestRunScript:
    """A script runs as a process of its own."""

    def test_failure(self, tmp_path: Path) -> None:
        """A failing script is an error with its last line."""
        with pytest.raises(ChatcloneError, match=r"llama\.cpp's convert_hf_to_gguf\.py failed: .*conversion"):
            converter.run_script(tmp_path, "convert_hf_to_gguf.py")
        assert sys.path.count(str(tmp_path)) == 0
