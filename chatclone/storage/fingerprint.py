"""What weights are told apart by, without reading them all: a hash of a file's size and of pieces throughout it.

Training changes nearly every weight, so a few pieces tell another model for sure; a file that somebody changed in one
place on purpose is not what this is against.
"""

import hashlib
from pathlib import Path

from chatclone.errors import ChatcloneError

PIECE = 65_536
PIECES = 64
"""Read of each file, spread evenly from its beginning to its end: some milliseconds, however large the file is."""
DIGITS = 16


def file_mark(path: Path) -> str:
    """Return the mark of one file."""
    return _mark([path])


def weights_mark(base: Path) -> str:
    """Return the mark of a transformers model's weights, whatever its folder is called."""
    return _mark(sorted(base.glob("*.safetensors")))


def check_pair(model: Path, lora: Path, mark: str) -> None:
    """Refuse a base of other weights than the one, with this mark, that a LoRA was compared on; "" is not known."""
    if mark and mark != file_mark(model):
        raise ChatcloneError(
            "{model} is not the base that {lora} was exported for: its weights differ",
            "export again (chatclone export), or put back the file that it was exported with",
            model=model.name,
            lora=lora.name,
        )


def check_weights(base: Path, label: str, file: Path, mark: str) -> None:
    """Refuse to compare an export with a base whose weights are others than when it was made; "" is not known."""
    if mark and mark != weights_mark(base):
        raise ChatcloneError(
            "the base {base} has changed since {file} was exported from it",
            "train on the changed base (chatclone train), and export again (chatclone export)",
            base=label,
            file=file.name,
        )


def _mark(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        digest.update(f"{size}\0".encode())
        with path.open("rb") as file:
            for number in range(PIECES):
                file.seek(max(0, size - PIECE) * number // (PIECES - 1))
                digest.update(file.read(PIECE))
    return digest.hexdigest()[:DIGITS]
