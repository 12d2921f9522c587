"""How opening a clone looks on a terminal: a bar while it loads, then why this engine and how it computes."""

import io
import sys

import pytest

from chatclone.cli.engine_options import open_shown
from chatclone.clone.clone import Clone
from chatclone.errors import ChatcloneError
from chatclone.gguf.load_progress import Loading
from tests.fakes import FakeEngine, fake_clone


class Terminal(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        """Be one."""
        return True


def opening(loading: Loading) -> tuple[Clone, str]:
    for share in (0.0, 0.5, 1.0):
        assert loading(share)
    engine = FakeEngine()
    engine.settings = ("on the CPU (why)", "1 thread (why)")
    return fake_clone(engine), "the fake, as asked"


def test_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar grows and is gone before anything else is said."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    open_shown(opening)
    *bars, said = terminal.getvalue().split("\r\033[2K")[1:]
    assert [bar.count("█") for bar in bars] == [0, 12, 24]
    assert [bar[-4:] for bar in bars] == ["  0%", " 50%", "100%"]
    assert said == "the fake, as asked\non the CPU (why); 1 thread (why)\n"


def test_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Elsewhere there is no bar; among several personas each is named."""
    open_shown(opening, "mira")
    assert capsys.readouterr().err == "mira: the fake, as asked\non the CPU (why); 1 thread (why)\n"


def test_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar does not stay before an error."""

    def fails(loading: Loading) -> tuple[Clone, str]:
        loading(0.3)
        raise ChatcloneError("no", "try")

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with pytest.raises(ChatcloneError):
        open_shown(fails)
    assert terminal.getvalue().endswith("\r\033[2K")
