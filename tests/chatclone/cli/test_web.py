"""What `chatclone --web` refuses before anything is served."""

import socket
from pathlib import Path

import pytest

from chatclone.cli import web
from chatclone.cli.main import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with nobody in it."""
    monkeypatch.setenv("CHATCLONE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the two lines on stderr, stdout being empty."""
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert out == ""
    assert first.startswith("error: ")
    assert second.startswith("try: ")
    return err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--web", "--port", "70000"], 2, "--port must be between 0 and 65535"),
        (["--web", "--persona", "nobody"], 1, "there is no persona called nobody"),
        (["--web", "where"], 2, "--web opens the app and cannot be combined with a command"),
        (["--port", "8000"], 2, "chatclone --web --port 8000"),
        (["--port", "8000", "where"], 2, "chatclone --web --port 8000"),
    ],
)
def test_refused(arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What makes no sense ends with two lines."""
    assert main(arguments) == code
    assert said in refused(capsys)


def test_a_taken_port(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said at once, with the way to a free one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--web", "--port", str(taken.getsockname()[1])]) == 1
    assert "leave out --port" in refused(capsys)


def test_wrong_keys(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings that the app would not open with are said here, not in the browser."""
    home.mkdir()
    (home / "config.toml").write_text('[keys]\nregenrate = "f5"\n', "utf-8")
    assert main(["--web"]) == 1
    assert "regenerate" in refused(capsys)


def test_without_the_packages(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The hint names the extra."""
    monkeypatch.setattr(web, "find_spec", lambda package: None)
    assert main(["--web"]) == 1
    assert "chatclone[web]" in refused(capsys)
