"""The files of an export, in a folder or a zip, each readable as a stream of bytes.

Only files with the wanted suffixes count; pictures are never opened. A zip is read in place and nothing is unpacked to
disk. Names in a zip and links in a folder that lead out of it are ignored and counted.
"""

import lzma
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Literal, cast

from importers.source import File, ImportFailure

SUFFIXES = (".json", ".html")
DEEPEST = 5
"""Levels of folders that are searched: an account's chats are two deep, in a folder of exports three."""
ZIP_START = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)
"""What zipfile raises for damaged zips, found by fuzzing."""


@dataclass(frozen=True)
class Limits:
    """What a zip may contain. Real exports stay far below; anything above is a zip bomb."""

    entries: int = 1_000_000
    total_bytes: int = 64 << 30
    """Of all wanted files together, unpacked."""
    ratio: int = 200
    """Unpacked to packed size. Chats compress ten to twenty times; deflate reaches a thousand."""
    ratio_from: int = 100 << 20
    """Unpacked bytes above which the ratio is checked."""


@dataclass(frozen=True)
class ExportFiles:
    """The wanted files below one place, by their relative path with forward slashes, in natural order."""

    place: Path
    files: dict[str, File]
    left_out: int = 0
    """Files ignored because their names or links lead out of the place."""

    def below(self, folder: str) -> dict[str, File]:
        """Return the files below a folder, by their paths in it; an empty name means all."""
        start = f"{folder}/" if folder else ""
        return {name[len(start) :]: file for name, file in self.files.items() if name.startswith(start)}


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key by which 10 follows 9."""
    parts = re.split(r"(\d{1,18})", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def is_zip(path: Path) -> bool:
    """Tell whether a file is a zip, by its first bytes or its suffix; False for a folder."""
    if path.is_dir():
        return False
    with path.open("rb") as opened:
        return opened.read(4) in ZIP_START or path.suffix.lower() == ".zip"


def files_at(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> ExportFiles:
    """Return the files with these lower-case suffixes in a folder or a zip, or the one file at `path` itself."""
    if path.is_dir():
        return in_folder(path, suffixes)
    if is_zip(path):
        return in_zip(path, suffixes=suffixes)
    return ExportFiles(path.parent, {path.name: path} if path.name.lower().endswith(suffixes) else {})


def in_folder(folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> ExportFiles:
    """Return the wanted files in a folder, at most `DEEPEST` levels down; links to folders are not followed."""
    root = folder.resolve()
    files: dict[str, File] = {}
    left_out = 0
    for path in _walk(folder):
        if not path.name.lower().endswith(suffixes):
            continue
        if not path.resolve().is_relative_to(root):
            left_out += 1
        elif path.is_file():
            files[path.relative_to(folder).as_posix()] = path
    return ExportFiles(folder, _sorted(files), left_out)


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        here = Path(place)
        if len(here.relative_to(folder).parts) >= DEEPEST:
            folders.clear()
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (here / name for name in names if not name.startswith("."))


def in_zip(path: Path, limits: Limits | None = None, suffixes: tuple[str, ...] = SUFFIXES) -> ExportFiles:
    """Return the wanted files in a zip; raises ImportFailure if it is damaged, locked or a zip bomb."""
    limits = limits or Limits()
    try:
        with zipfile.ZipFile(path) as opened:
            entries = opened.infolist()
    except _DAMAGE as error:
        raise _broken(path, error) from None
    if len(entries) > limits.entries:
        hint = "unpack what you need and name its folder"
        raise ImportFailure("{name} holds {count} files", hint, name=path.name, count=f"{len(entries):,}")
    wanted = [e for e in entries if e.filename.lower().endswith(suffixes) and not e.is_dir()]
    inside = [e for e in wanted if _stays_inside(e.filename)]
    _refuse_harmful(path, inside, limits)
    files: dict[str, File] = {e.filename.removeprefix("./"): ZippedFile(path, e) for e in inside}
    return ExportFiles(path, _sorted(files), len(wanted) - len(inside))


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    # macOS adds a second, unreadable entry for every file.
    return not path.is_absolute() and ".." not in path.parts and ":" not in path.parts[0] and "__MACOSX" not in name


def _refuse_harmful(path: Path, entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    unpack = "if you know what it is, unpack it yourself and name the folder"
    name = path.name
    if any(e.flag_bits & 1 for e in entries):
        raise ImportFailure(
            "{name} is locked with a password", "unpack it with its password and name the folder", name=name
        )
    total = sum(e.file_size for e in entries)
    if total > limits.total_bytes:
        size = f"{total >> 20:,}"
        raise ImportFailure("{name} would unpack to {size} MB, more than any export", unpack, name=name, size=size)
    for entry in entries:
        large = entry.file_size > limits.ratio_from
        if large and entry.file_size > limits.ratio * max(1, entry.compress_size):
            raise ImportFailure(
                "{name} is packed too tightly to be an export: {file}", unpack, name=name, file=entry.filename
            )


def _broken(path: Path, error: Exception) -> ImportFailure:
    why = " ".join(str(error).split()) or "it ends too early"
    return ImportFailure("{name} is a damaged zip: {why}", "pack or download it again", name=path.name, why=why)


def _sorted(files: dict[str, File]) -> dict[str, File]:
    return dict(sorted(files.items(), key=lambda item: natural(item[0])))


@dataclass(frozen=True)
class ZippedFile:
    """A file in a zip, opened like a path; it never yields more bytes than the zip declares for it."""

    zip: Path
    entry: zipfile.ZipInfo

    @property
    def name(self) -> str:
        """The file's own name, without folders."""
        return PurePosixPath(self.entry.filename).name

    def open(self, mode: Literal["rb"] = "rb") -> BinaryIO:
        """Open the file for one reader; each reader opens the zip for itself."""
        with ExitStack() as undo:
            try:
                opened = undo.enter_context(zipfile.ZipFile(self.zip))
                unpacking = _Unpacking(self.zip, opened, opened.open(self.entry))
            except _DAMAGE as error:
                raise _broken(self.zip, error) from None
            undo.pop_all()
            return cast(BinaryIO, unpacking)


class _Unpacking(BufferedIOBase):
    """The bytes of a zipped file; damage raises ImportFailure."""

    def __init__(self, path: Path, container: zipfile.ZipFile, stream: IO[bytes]) -> None:
        self._path, self._container, self._stream = path, container, stream

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next `size` bytes, or all that are left."""
        try:
            return self._stream.read(-1 if size is None else size)
        except _DAMAGE as error:
            raise _broken(self._path, error) from None

    def read1(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""
        return self.read(1 << 16 if size < 0 else size)

    def close(self) -> None:
        """Close the file and its zip."""
        self._stream.close()
        self._container.close()
        super().close()


def first_bytes(file: File, count: int = 4096) -> bytes:
    """Return the first bytes of a file, without a byte order mark and leading white space."""
    with file.open("rb") as opened:
        return opened.read(count).removeprefix(b"\xef\xbb\xbf").lstrip()
