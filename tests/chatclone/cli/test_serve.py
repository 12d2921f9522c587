"""`chatclone serve` as a program, and what it refuses to start with."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chatclone.cli import serve
from chatclone.cli.main import main
from chatclone.engines import choose
from chatclone.personas.persona import Persona
from tests.interrupts import heed_interrupts
from tests.servers import WAIT_SECONDS, Scripted, client, models, reply


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the personas mira and theo, mira the current one."""
    monkeypatch.setenv("CHATCLONE_HOME", str(tmp_path))
    for variable in ("CHATCLONE_SERVE_TOKEN", "CHATCLONE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    for name in ("Mira", "Theo"):
        Persona(tmp_path / "personas" / name.lower(), name).save()
    assert main(["persona", "use", "mira"]) == 0
    return tmp_path


@contextmanager
def started(log: Path, *options: str) -> Iterator[dict[str, Any]]:
    """Run `chatclone serve` on a free port until Ctrl+C, its stderr going to `log`; give its document."""
    command = [sys.executable, "-m", "chatclone", "serve", "--port", "0", "--json", *options]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, preexec_fn=heed_interrupts
        ) as process,
    ):
        assert process.stdout is not None
        lines = []
        while (line := process.stdout.readline()) not in ("}\n", ""):
            lines.append(line)
        try:
            yield json.loads("".join([*lines, line]))
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT_SECONDS) == 130


def test_from_start_to_ctrl_c(tmp_path: Path) -> None:
    """A model on another server becomes the clone here; Ctrl+C ends it, and nothing of what was said was printed."""
    with Scripted(models(mira=2048), reply("hey you")) as upstream:
        with started(tmp_path / "log", "--engine", "openai", "--url", upstream.url) as document:
            assert document["models"] == ["mira"]
            with client(document["url"], document["token"]) as api:
                done = api.chat.completions.create(model="mira", messages=[{"role": "user", "content": "WORDS"}])
            assert done.choices[0].message.content == "hey you"
        assert (tmp_path / "log").read_text().splitlines() == [
            f"mira: openai: the server at {upstream.url}, on this machine",
            "interrupted",
        ]
        assert upstream.requests[1]["messages"][-1]["content"] == "WORDS"


def test_every_persona(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--all serves each under its own name, with the token of the environment, which is not shown."""
    monkeypatch.setenv("CHATCLONE_SERVE_TOKEN", "a-token-of-my-own")
    with Scripted(models(mira=1, theo=2)) as upstream:
        upstream.deeds.append(upstream.deeds[0])
        with started(tmp_path / "log", "--all", "--engine", "openai", "--url", upstream.url) as document:
            assert document["token"] is None
            with client(document["url"], "a-token-of-my-own") as api:
                assert [model.id for model in api.models.list()] == ["mira", "theo"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--host", "0.0.0.0"], 2, "--allow-remote"),
        (["--port", "70000"], 2, "between 0 and 65535"),
        (["--all", "--persona", "mira"], 2, "leave out --persona"),
        (["--url", "http://localhost"], 2, "add --engine openai"),
        (["--remote-model", "x"], 2, "go with --url"),
        (["--engine", "openai"], 2, "--url"),
        (["--engine", "openai", "--url", "http://localhost", "--remote-context", "0"], 2, "1 or more tokens"),
        (["--persona", "nobody"], 1, "there is no persona called nobody"),
    ],
)
def test_refused(options: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What makes no sense ends with two lines before anything is served."""
    assert main(["serve", "--port", "0", *options]) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 2


def test_without_the_packages(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The hint names the extra, for the server and for the client of another one."""
    monkeypatch.setattr(choose, "installed", lambda package: False)
    assert main(["serve"]) == 1
    assert "chatclone[serve]" in capsys.readouterr().err
    assert main(["chat", "--once", "hi", "--engine", "openai", "--url", "http://localhost"]) == 1
    assert "chatclone[remote]" in capsys.readouterr().err


def test_text() -> None:
    """A person reads where to connect, and their own token is not shown."""
    document = {"url": "http://127.0.0.1:8765/v1", "models": ["mira"], "token": None}
    assert "CHATCLONE_SERVE_TOKEN" in serve.started_text(document)
    assert "made-up" in serve.started_text(document | {"token": "made-up"})


def test_chat_with_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    """`chat --engine openai` answers through it and says where words go."""
    with Scripted(models(llama=2048), reply("hey")) as upstream:
        assert main(["chat", "--once", "hi", "--engine", "openai", "--url", upstream.url, "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (document["reply"], document["engine"], document["model"]) == ("hey", "openai", "llama")
    assert "on this machine" in err
