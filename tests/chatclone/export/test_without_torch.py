"""An exported file can chat on a computer without the training stack and without the persona's folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chatclone.export.conftest import Done
from tests.interrupts import heed_interrupts
from tests.servers import WAIT_SECONDS, client

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")

TRAINING_STACK = ("torch", "transformers", "peft", "trl", "datasets", "accelerate", "safetensors", "tokenizers")

ELSEWHERE = """
import importlib.abc, sys

class NotInstalled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {stack}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, NotInstalled())
from chatclone.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def stick(adapter_export: Done, merged_export: Done, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an exported adapter and its base, and a merged model."""
    folder = tmp_path_factory.mktemp("stick")
    for name, file in zip(("lora.gguf", adapter_export.files[1].name), adapter_export.files, strict=True):
        shutil.copy(file, folder / name)
    shutil.copy(merged_export.files[0], folder / "mira.gguf")
    return folder


def _chat(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ELSEWHERE.format(stack=set(TRAINING_STACK)), *arguments]
    environment = {**os.environ, "CHATCLONE_HOME": str(home)}
    return subprocess.run(command, env=environment, input="", capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", ["mira.gguf", "lora.gguf"])
def test_once(stick: Path, tmp_path: Path, file: str) -> None:
    """`chat --once --json` replies with the persona's system prompt."""
    chat = ("chat", "--engine", "gguf", "--model", str(stick / file), "--once", "hi", "--json", "--greedy")
    done = _chat(tmp_path / "home", *chat)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["engine"] == "gguf"
    assert document["model"].endswith(file)
    system = "You are Mira, chatting with Theo. Write the way Mira writes."
    assert document["prompt_tokens"] > len(system) // 4
    assert document["memory"] == []


def test_plain(stick: Path, tmp_path: Path) -> None:
    """`chat --plain` works too; its conversations are kept apart from personas."""
    done = _chat(tmp_path / "home", "chat", "--engine", "gguf", "--model", str(stick / "mira.gguf"), "--plain")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "home" / "carried" / "mira" / "chats.sqlite").is_file()
    assert not (tmp_path / "home" / "personas").exists()


@pytest.mark.parametrize("file", ["mira.gguf", "lora.gguf"])
def test_served(stick: Path, tmp_path: Path, file: str) -> None:
    """`serve` works with the file alone, under the name of its persona."""
    pytest.importorskip("starlette", reason="the extra `serve` is not installed")
    arguments = ["serve", "--port", "0", "--json", "--engine", "gguf", "--model", str(stick / file)]
    command = [sys.executable, "-c", ELSEWHERE.format(stack=set(TRAINING_STACK)), *arguments]
    environment = {**os.environ, "CHATCLONE_HOME": str(tmp_path / "home")}
    log = tmp_path / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, preexec_fn=heed_interrupts
        ) as process,
    ):
        try:
            assert process.stdout is not None
            lines = []
            while (line := process.stdout.readline()) not in ("}\n", ""):
                lines.append(line)
            document = json.loads("".join([*lines, line]))
            assert document["models"] == ["mira"]
            with client(document["url"], document["token"]) as api:
                asked = [{"role": "user", "content": "hi"}]
                done = api.chat.completions.create(model="mira", messages=asked, temperature=0)  # type: ignore[arg-type]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT_SECONDS) == 130, log.read_text()
    chat = ("chat", "--engine", "gguf", "--model", str(stick / file), "--once", "hi", "--json", "--greedy")
    served = done.choices[0].message.content
    # A server keeps half of the context for the prompt, which cuts this endless reply short.
    assert served and json.loads(_chat(tmp_path / "home", *chat).stdout)["reply"].startswith(served)


def test_a_file_that_carries_nobody(stick: Path, tmp_path: Path) -> None:
    """A model without a persona needs one on this computer, else it is an error."""
    (base,) = stick.glob("base-*.gguf")
    done = _chat(tmp_path / "home", "chat", "--model", str(base), "--once", "hi")
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no persona yet\ntry: ")
