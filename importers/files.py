"""The files of an export, in a folder or in a zip: their names, and each as a stream of bytes.

Only JSON and HTML files count, pictures are never opened. A zip is read where it lies and nothing of it is written to
disk, so a name that leads out of it reaches nothing; in a folder, links that lead out are left alone.
"""

import lzma
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Literal, cast

from importers.source import ImportFailure, Source

SUFFIXES = (".json", ".html")
DEEPEST = 5
"""Folders below the one named that are looked into: an account's chats lie two deep, in a folder of exports three."""
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
"""What zipfile raises where bytes of a zip are not what they should be, found with mutated ones."""
ZIP_START = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


@dataclass(frozen=True)
class Limits:
    """What a zip may hold at most. Real exports stay far below; what is above is made to fill memory or a disk."""

    entries: int = 1_000_000
    total_bytes: int = 64 << 30
    """Of all JSON and HTML files together, unpacked."""
    ratio: int = 200
    """Unpacked to packed size. Chats are packed ten to twenty times; deflate at its best packs a thousand times."""
    ratio_from: int = 100 << 20
    """Unpacked bytes from which on the ratio counts; little text that repeats itself does no harm."""


@dataclass(frozen=True)
class ExportFiles:
    """The JSON and HTML files below one place, by their path there, with forward slashes."""

    place: Path
    files: dict[str, Source]
    left_out: int = 0
    """Names that led out of the folder or the zip, and were left alone."""

    def below(self, folder: str) -> dict[str, Source]:
        """Return the files below a folder, by their paths in it; an empty name means all."""
        start = f"{folder}/" if folder else ""
        return {name[len(start) :]: file for name, file in self.files.items() if name.startswith(start)}


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key by which 10 stands after 9."""
    parts = re.split(r"(\d{1,18})", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def is_zip(path: Path) -> bool:
    """Tell whether a file is a zip, by its first bytes or its name."""
    with path.open("rb") as opened:
        return opened.read(4) in ZIP_START or path.suffix.lower() == ".zip"


def in_folder(folder: Path) -> ExportFiles:
    """Return what lies in a folder and below, at most `DEEPEST` folders down."""
    root = folder.resolve()
    files: dict[str, Source] = {}
    left_out = 0
    for path in _walk(folder):
        if not path.resolve().is_relative_to(root):
            left_out += 1
        elif path.is_file():
            files[path.relative_to(folder).as_posix()] = path
    return ExportFiles(folder, _sorted(files), left_out)


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files that may belong to an export; links to folders are not followed."""
    for place, folders, names in os.walk(folder):
        here = Path(place)
        if len(here.relative_to(folder).parts) >= DEEPEST:
            folders.clear()
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield here / name


def in_zip(path: Path, limits: Limits | None = None) -> ExportFiles:
    """Return what lies in a zip; raises ImportFailure where it is broken, locked or made to do harm."""
    limits = limits or Limits()
    try:
        with zipfile.ZipFile(path) as opened:
            entries = opened.infolist()
    except _DAMAGE as error:
        raise _broken(path, error) from None
    if len(entries) > limits.entries:
        raise ImportFailure(f"{path.name} holds {len(entries):,} files", "unpack what you need and name its folder")
    wanted = [e for e in entries if e.filename.lower().endswith(SUFFIXES) and not e.is_dir()]
    inside = [e for e in wanted if _stays_inside(e.filename)]
    _refuse_harmful(path, inside, limits)
    files: dict[str, Source] = {e.filename.removeprefix("./"): ZippedFile(path, e) for e in inside}
    return ExportFiles(path, _sorted(files), len(wanted) - len(inside))


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    # macOS adds a twin of every file, with nothing that can be read.
    return not path.is_absolute() and ".." not in path.parts and ":" not in path.parts[0] and "__MACOSX" not in name


def _refuse_harmful(path: Path, entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    unpack = "if you know what it is, unpack it yourself and name the folder"
    if any(e.flag_bits & 1 for e in entries):
        raise ImportFailure(f"{path.name} is locked with a password", "unpack it with its password, name the folder")
    total = sum(e.file_size for e in entries)
    if total > limits.total_bytes:
        raise ImportFailure(f"{path.name} would unpack to {total >> 20:,} MB, more than any export", unpack)
    for entry in entries:
        large = entry.file_size > limits.ratio_from
        if large and entry.file_size > limits.ratio * max(1, entry.compress_size):
            raise ImportFailure(f"{path.name} is packed too tightly to be an export: {entry.filename}", unpack)


def _broken(path: Path, error: Exception) -> ImportFailure:
    what = " ".join(str(error).split()) or "it ends too early"
    return ImportFailure(f"{path.name} is a broken zip: {what}", "pack or download it again")


def _sorted(files: dict[str, Source]) -> dict[str, Source]:
    return dict(sorted(files.items(), key=lambda item: natural(item[0])))


@dataclass(frozen=True)
class ZippedFile:
    """One file of a zip; opens like a path, and never yields more bytes than the zip declares for it."""

    zip: Path
    entry: zipfile.ZipInfo

    @property
    def name(self) -> str:
        """The file's own name, without folders."""
        return PurePosixPath(self.entry.filename).name

    def open(self, mode: Literal["rb"] = "rb") -> BinaryIO:
        """Open it for one reader; each reader has the zip open for itself."""
        with ExitStack() as undo:
            try:
                opened = undo.enter_context(zipfile.ZipFile(self.zip))
                unpacking = _Unpacking(self.zip, opened, opened.open(self.entry))
            except _DAMAGE as error:
                raise _broken(self.zip, error) from None
            undo.pop_all()
            return cast(BinaryIO, unpacking)


class _Unpacking(BufferedIOBase):
    """The bytes of a zipped file; damage in them is an ImportFailure."""

    def __init__(self, path: Path, container: zipfile.ZipFile, stream: IO[bytes]) -> None:
        self._path, self._container, self._stream = path, container, stream

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, all of them without a size."""
        try:
            return self._stream.read(-1 if size is None else size)
        except _DAMAGE as error:
            raise _broken(self._path, error) from None

    def read1(self, size: int = -1, /) -> bytes:
        """Return what can be had at once."""
        return self.read(1 << 16 if size < 0 else size)

    def close(self) -> None:
        """Close the file and its zip."""
        self._stream.close()
        self._container.close()
        super().close()


def first_bytes(file: Source, count: int) -> bytes:
    """Return the first bytes of a file without a byte order mark and white space."""
    with file.open("rb") as opened:
        return opened.read(count).removeprefix(b"\xef\xbb\xbf").lstrip()


def shortest_first(names: Iterable[str]) -> list[str]:
    """Return folders so that each stands before those within it."""
    return sorted(names, key=lambda name: (name.count("/") + bool(name), natural(name)))
