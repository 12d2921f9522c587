"""Tiny models shared by the tests of engines and export, made once a session."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatclone.errors import ChatcloneError
from tests.tiny import FAMILIES, Family, tiny_adapter, tiny_base

ONE_PROCESS = """
import json, pathlib, sys
from chatclone.export.converter_driver import main
for folder, script, arguments, keys in json.load(sys.stdin):
    main(pathlib.Path(folder), script, arguments, keys)
"""
"""Runs the driver many times: nine tenths of a conversion of a tiny model are the imports of the scripts."""

ODD_END = 1
"""<|im_start|>: no end of a turn, but for `odd-end-f16.gguf` beside the tiny Llama's GGUF."""


@dataclass(frozen=True)
class Tiny:
    """A base model, an adapter for it, and both as GGUF."""

    base: Path
    adapter: Path
    gguf: Path
    lora: Path


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny Llama and an adapter for it."""
    folder = tmp_path_factory.mktemp("tiny")
    base = tiny_base(folder / "base")
    return base, tiny_adapter(base, folder / "run-1" / "adapter")


@pytest.fixture(scope="session")
def scripts(pytestconfig: pytest.Config) -> Path:
    """llama.cpp's converter, kept between test runs in pytest's own cache; without it a test says what it needed."""
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    from chatclone.export.converter import scripts_folder

    try:
        return scripts_folder(Path(pytestconfig.cache.mkdir("chatclone")))
    except ChatcloneError as error:
        pytest.skip(f"no converter: {error.message}")


@pytest.fixture(scope="session")
def families(
    tiny_folders: tuple[Path, Path], scripts: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[Family, Tiny]:
    """A tiny model of each family with an adapter, also in f16 GGUF."""
    root = tmp_path_factory.mktemp("families")
    made: dict[Family, Tiny] = {}
    jobs: list[tuple[str, str, list[str], dict[str, int]]] = []
    for family in FAMILIES:
        folder = root / family
        if family == "llama":
            base, adapter = tiny_folders
        else:
            base = tiny_base(folder / "base", family)
            adapter = tiny_adapter(base, folder / "run-1" / "adapter")
        folder.mkdir(exist_ok=True)
        tiny = made[family] = Tiny(base, adapter, folder / f"{family}-f16.gguf", folder / "lora.gguf")
        named = ["--model-name", family, "--outtype", "f16", "--outfile", str(tiny.gguf), str(base)]
        jobs.append((str(scripts), "convert_hf_to_gguf.py", named, {}))
        based = ["--base", str(base), "--outtype", "f16", "--outfile", str(tiny.lora), str(adapter)]
        jobs.append((str(scripts), "convert_lora_to_gguf.py", based, {}))
    # Last, since the driver goes on adding keys within one process.
    odd = str(made["llama"].gguf.with_name("odd-end-f16.gguf"))
    named = ["--outtype", "f16", "--outfile", odd, str(made["llama"].base)]
    jobs.append((str(scripts), "convert_hf_to_gguf.py", named, {"tokenizer.ggml.eot_token_id": ODD_END}))
    subprocess.run(
        [sys.executable, "-c", ONE_PROCESS], input=json.dumps(jobs), text=True, check=True, capture_output=True
    )
    return made


@pytest.fixture(scope="session")
def tiny(families: dict[Family, Tiny]) -> Tiny:
    """The tiny Llama and its adapter."""
    return families["llama"]
