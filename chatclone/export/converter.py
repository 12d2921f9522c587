"""llama.cpp's own conversion scripts: where they come from, and how they are run.

They come from the source distribution of the installed llama-cpp-python version, or from a llama.cpp folder that the
user names, and run in a process of their own through `chatclone.export.converter_driver`.
"""

import hashlib
import importlib.metadata
import json
import logging
import os
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
from chatclone.i18n.message import Message
from chatclone.paths import cache_directory, ensure
from chatclone.storage.atomic_files import write_atomically

PACKAGE = "llama-cpp-python"
WANTED = ("convert_hf_to_gguf.py", "convert_lora_to_gguf.py", "conversion/", "gguf-py/gguf/", "LICENSE")
"""What is unpacked of vendor/llama.cpp: 2 of 73 MB."""

SHA256 = {"0.3.36": "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"}
"""Source distributions that were tested; the hash of any other is recorded when it is first used."""

_HINT = "connect to a package index once, or give a llama.cpp folder with --llama-cpp DIR"

Progress = Callable[[str], None]
"""Called with a text that says what is being done."""

Metadata = Mapping[str, Value]
"""Metadata to add to a GGUF file."""

NO_METADATA: Metadata = MappingProxyType({})

logger = logging.getLogger(__name__)


def scripts_folder(home: Path, llama_cpp: Path | None = None, progress: Progress = lambda _: None) -> Path:
    """Return a folder with the scripts, fetched with pip the first time; `llama_cpp` is a checkout to use instead."""
    if llama_cpp is not None:
        if missing := [name for name in WANTED[:-1] if not (llama_cpp / name).exists()]:
            raise ChatcloneError(
                "{folder} has no {file}", "name the folder of a llama.cpp checkout", folder=llama_cpp, file=missing[0]
            )
        return llama_cpp
    try:
        version = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtra(Message("an export to GGUF"), "gguf") from None
    folder = cache_directory(home) / "converter" / version
    if not folder.is_dir():
        progress(Message("fetching llama.cpp's converter from {package} {version}", package=PACKAGE, version=version))
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


def run_script(scripts: Path, script: str, *arguments: str | Path, metadata: Metadata = NO_METADATA) -> None:
    """Run one of the scripts through the driver, offline; its output goes to the log.

    `metadata` is added to the file it writes. It contains personal facts, so it goes through a pipe: every user of the
    machine can read a command line.
    """
    command = [sys.executable, "-m", "chatclone.export.converter_driver", scripts, script, *arguments]
    # The package may be in a checkout that is not installed.
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    environment.pop("NO_LOCAL_GGUF", None)  # makes the scripts take PyPI's gguf, which differs from their own
    process = subprocess.run(
        list(map(str, command)),
        env=environment,
        input=json.dumps(dict(metadata)),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    logger.debug("%s: %s%s", script, process.stdout, process.stderr)
    if process.returncode != 0:
        raise ChatcloneError(
            "llama.cpp's {script} failed: {reason}",
            "chat without an export (chatclone chat --engine transformers), or choose another base",
            script=script,
            reason=_last_line(process.stderr),
        )


def unpack(sdist: Path, folder: Path) -> None:
    """Write the wanted files of a source distribution to `folder`, and no others."""
    with tarfile.open(sdist) as archive:
        for member in archive:
            parts = PurePosixPath(member.name).parts
            name = "/".join(parts[3:])
            inside = parts[1:3] == ("vendor", "llama.cpp") and ".." not in parts
            if inside and member.isfile() and name.startswith(WANTED):
                archive.extract(member.replace(name=name), folder, filter="data")
    if missing := [name for name in WANTED if not (folder / name).exists()]:
        raise ChatcloneError(
            "the source distribution {file} has no vendor/llama.cpp/{missing}",
            _HINT,
            file=sdist.name,
            missing=missing[0],
        )


def _download(version: str, folder: Path) -> Path:
    """Fetch the source distribution with pip, with the user's own pip settings, index and cache."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", PACKAGE, "--dest", str(folder), f"{PACKAGE}=={version}"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    files = list(folder.glob("*.tar.gz"))
    if process.returncode != 0 or not files:
        logger.debug("pip download: %s%s", process.stdout, process.stderr)
        raise ChatcloneError(
            "the converter needs the source of {package} {version}, and pip cannot get it: {reason}",
            _HINT,
            package=PACKAGE,
            version=version,
            reason=_last_line(process.stderr),
        )
    return files[0]


def _check_hash(sdist: Path, record: Path, known: str | None) -> None:
    """Compare the hash with the known one, or the one of the first use, or record it."""
    with sdist.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    expected = known or (record.read_text("utf-8").strip() if record.is_file() else actual)
    if actual != expected:
        raise ChatcloneError(
            "{file} is not the expected file: sha256 {actual}, expected {expected}",
            "check where pip downloads from, or give a llama.cpp folder with --llama-cpp DIR",
            file=sdist.name,
            actual=actual,
            expected=expected,
        )
    write_atomically(record, f"{actual}\n")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["no reason given"])[-1]
