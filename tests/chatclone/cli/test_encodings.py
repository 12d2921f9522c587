"""Terminals and pipes that are not UTF-8: nothing that was done is lost to a character they cannot show."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatclone.cli.main import main
from chatclone.personas.sampling import Sampling
from chatclone.prompt.render import ChatMessage, TooLong
from tests import exports

ROOT = Path(__file__).parents[3]


def run(home: Path, *arguments: str | bytes, encoding: str = "cp1252") -> subprocess.CompletedProcess[bytes]:
    """Run the program as on a system whose pipes have another encoding."""
    environment = {
        **os.environ,
        "CHATCLONE_HOME": str(home),
        "PYTHONIOENCODING": encoding,
        "PYTHONUTF8": "0",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run([sys.executable, "-m", "chatclone", *arguments], env=environment, capture_output=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one imported persona."""
    folder = tmp_path_factory.mktemp("encodings")
    assert main(["import", str(exports.small_export(folder)), "--home", str(folder / "home")]) == 0
    return folder / "home"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize("arguments", [["data", "report"], ["data", "sample"], ["memory", "list"], ["persona", "list"]])
def test_text(home: Path, arguments: list[str], encoding: str) -> None:
    """What cannot be shown is escaped, and the command is done."""
    done = run(home, *arguments, encoding=encoding)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode(encoding)


@pytest.mark.parametrize("arguments", [["memory", "list", "--json"], ["data", "report", "--json"], ["data", "export"]])
def test_json_is_utf8(home: Path, arguments: list[str]) -> None:
    """JSON and JSONL are UTF-8 whatever the terminal's encoding."""
    done = run(home, *arguments, encoding="ascii")
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode("utf-8")
    for document in text.splitlines() if arguments[-1] == "export" else [text]:
        assert json.loads(document)


@pytest.mark.skipif(sys.platform == "win32", reason="arguments are Unicode there")
def test_argument(home: Path) -> None:
    """Bytes of an argument that are not UTF-8 are read as U+FFFD."""
    done = run(home, b"memory", b"add", b"caf\xe9", encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert "caf\N{REPLACEMENT CHARACTER}" in run(home, "memory", "list", encoding="utf-8").stdout.decode()


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode there")
def test_a_file_keeps_its_name(tmp_path: Path) -> None:
    """A file whose name is not UTF-8 is opened all the same."""
    path = os.fsencode(tmp_path) + b"/caf\xe9.json"
    os.rename(exports.small_export(tmp_path), path)
    assert run(tmp_path / "home", b"import", path).returncode == 0


def test_errors_are_documents_with_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json what is wrong can be read by a program, and stderr has the two lines as always."""
    assert main(["data", "report", "--json", "--home", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == f"error: {document['error']}\ntry: {document['try']}\n"


def test_once_with_a_long_text(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A text that the context cannot hold is two lines, not a traceback."""
    monkeypatch.setattr("chatclone.cli.chat.open_shown", lambda opened: opened()[0])
    monkeypatch.setattr("chatclone.cli.chat.open_clone_with", lambda *arguments: (Narrow(), "as the test says"))
    assert main(["chat", "--once", "word " * 900, "--home", str(home)]) == 1
    error, hint = capsys.readouterr().err.splitlines()[-2:]
    assert error == "error: the last turn alone is longer than 864 tokens"
    assert hint.startswith("try: send a shorter text")


class Narrow:
    """A clone whose context holds no long text."""

    sampling = Sampling()

    def reply(self, turns: list[ChatMessage]) -> list[None]:
        """Refuse as the prompt does."""
        raise TooLong("the last turn alone is longer than 864 tokens")
