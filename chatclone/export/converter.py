"""llama.cpp's own conversion scripts: where they come from, and how they are run.

They are taken from the source distribution of exactly the installed llama-cpp-python version, or from a llama.cpp
folder the user names, and run as a process of their own through `chatclone.export.converter_driver`.
"""

import hashlib
import importlib.metadata
import json
import logging
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from chatclone.errors import ChatcloneError, MissingExtra
from chatclone.export.large_files import partial_name
from chatclone.gguf.header import Value
from chatclone.paths import cache_directory, ensure
from chatclone.storage.atomic_files import write_atomically

PACKAGE = "llama-cpp-python"
WANTED = ("convert_hf_to_gguf.py", "convert_lora_to_gguf.py", "conversion/", "gguf-py/gguf/", "LICENSE")
"""What is unpacked of vendor/llama.cpp: 2 of 73 MB."""

SHA256 = {"0.3.36": "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"}
"""Source distributions this program was tested with; the hash of any other is recorded when it is first used."""

Progress = Callable[[str], None]
"""Told what is being done now, in words."""

Keys = Mapping[str, Value]
"""Metadata to add to a GGUF file."""

NO_KEYS: Keys = MappingProxyType({})

logger = logging.getLogger(__name__)


def scripts_folder(home: Path, llama_cpp: Path | None = None, progress: Progress = lambda _: None) -> Path:
    """Return a folder with the scripts, fetching them with pip the first time.

    `llama_cpp` is a checkout of llama.cpp to use instead.
    """
    if llama_cpp is not None:
        if missing := [name for name in WANTED[:-1] if not (llama_cpp / name).exists()]:
            raise ChatcloneError(f"{llama_cpp} has no {missing[0]}", "name the folder of a llama.cpp checkout")
        return llama_cpp
    try:
        version = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtra("an export to GGUF", "gguf") from None
    folder = cache_directory(home) / "converter" / version
    if not folder.is_dir():
        progress(f"fetching llama.cpp's converter from {PACKAGE} {version}")
        with tempfile.TemporaryDirectory(dir=ensure(folder.parent), prefix=partial_name("converter")) as place:
            sdist = _download(version, Path(place))
            _check_hash(sdist, folder.parent / f"{version}.sha256", SHA256.get(version))
            unpacked = Path(place) / "unpacked"
            unpack(sdist, unpacked)
            try:
                os.replace(unpacked, folder)
            except OSError:
                if not folder.is_dir():  # else another process was faster, with the same files
                    raise
    return folder


def run_script(scripts: Path, script: str, *arguments: str | Path, keys: Keys = NO_KEYS) -> None:
    """Run one of the scripts through the driver, offline; what it prints goes to the log.

    `keys` are added to the metadata of the file it writes. They hold what a person said of themself, so they go
    through a pipe: a command line can be read by every user of the machine.
    """
    command = [sys.executable, "-m", "chatclone.export.converter_driver", scripts, script, *arguments]
    # The package may lie in a checkout that is not installed.
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    environment.pop("NO_LOCAL_GGUF", None)  # would make the scripts take PyPI's gguf, which differs from their own
    process = subprocess.run(
        list(map(str, command)),
        env=environment,
        input=json.dumps(dict(keys)),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    logger.debug("%s: %s%s", script, process.stdout, process.stderr)
    if process.returncode != 0:
        raise ChatcloneError(
            f"llama.cpp's {script} failed: {_last_line(process.stderr)}",
            "chat without an export (chatclone chat --engine transformers), or choose another base",
        )


def unpack(sdist: Path, folder: Path) -> None:
    """Write the wanted files of a source distribution to `folder`; no other name in it reaches the disk."""
    with tarfile.open(sdist) as archive:
        for member in archive:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if not path.is_relative_to("vendor/llama.cpp") or not member.isfile():
                continue
            name = path.relative_to("vendor/llama.cpp").as_posix()
            stream = archive.extractfile(member)
            if ".." in path.parts or not name.startswith(WANTED) or stream is None:
                continue
            ensure((folder / name).parent)
            with stream, (folder / name).open("wb") as file:
                shutil.copyfileobj(stream, file)
    if missing := [name for name in WANTED if not (folder / name).exists()]:
        raise ChatcloneError(f"the source distribution {sdist.name} has no vendor/llama.cpp/{missing[0]}", _HINT)


def _download(version: str, place: Path) -> Path:
    """Fetch the source distribution with pip, by the user's own pip settings, index and cache."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", PACKAGE, "--dest", str(place), f"{PACKAGE}=={version}"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    files = list(place.glob("*.tar.gz"))
    if process.returncode != 0 or not files:
        logger.debug("pip download: %s%s", process.stdout, process.stderr)
        raise ChatcloneError(
            f"the converter needs the source of {PACKAGE} {version}, and pip cannot get it: "
            f"{_last_line(process.stderr)}",
            _HINT,
        )
    return files[0]


_HINT = "connect to a package index once, or give a llama.cpp folder with --llama-cpp DIR"


def _check_hash(sdist: Path, record: Path, known: str | None) -> None:
    """Compare the hash with the known one, or with the one of the first use, or record it."""
    with sdist.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    expected = known or (record.read_text("utf-8").strip() if record.is_file() else actual)
    if actual != expected:
        raise ChatcloneError(
            f"{sdist.name} is not the file it should be: sha256 {actual}, expected {expected}",
            "check where pip downloads from, or give a llama.cpp folder with --llama-cpp DIR",
        )
    write_atomically(record, f"{actual}\n")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["it does not say why"])[-1]
