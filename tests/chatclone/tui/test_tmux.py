"""The real program under tmux, by keys alone: what was said is there again, however the program ended."""

import os
import signal
from pathlib import Path

import pytest

from chatclone import config
from chatclone.conversations import ChatStore
from chatclone.personas.persona import Persona
from tests.chatclone.conftest import Tiny
from tests.chatclone.tui.terminal import KILLED, TMUX, Terminal
from tests.servers import Scripted, delta, hang, models

pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")

TODAY = "── Today ──"


@pytest.fixture
def persona(tmp_path: Path) -> Persona:
    """Mira, the current persona of a fresh home."""
    made = Persona(tmp_path / "personas" / "mira", "Mira")
    made.save()
    config.set_current(tmp_path, made.slug)
    return made


def said(persona: Persona) -> list[tuple[str, str, str]]:
    """Return role, text and state of all that is saved."""
    with ChatStore.open(persona.chats_file) as store:
        (conversation,) = store.conversations()
        return [(m.role, m.text, m.state) for m in store.messages(conversation.id)]


def transcript(screen: str) -> list[str]:
    """Return the messages on a screen, and when they were sent: all between the day and the box to write in."""
    lines = [line.rstrip() for line in screen.splitlines()]
    begin = next(number for number, line in enumerate(lines) if TODAY in line)
    end = next(number for number, line in enumerate(lines) if "╭───" in line)
    return lines[begin:end]


def settled(terminal: Terminal, persona: Persona) -> str:
    """Return the screen when the reply has ended in the file and in the app, which may be behind, and nothing moves."""
    seen = [""]

    def still() -> bool:
        last, seen[0] = seen[0], terminal.screen()
        told = "awake" in seen[0] and TODAY in seen[0]
        return told and last == seen[0] and said(persona)[-1][2] != "writing"

    terminal.wait(still)
    return seen[0]


def test_a_chat_is_there_again(persona: Persona, tiny: Tiny, tmp_path: Path) -> None:
    """Write, read what a model answers, stop it by Esc, leave by Ctrl+Q, come back: the same messages stand there."""
    program = ("chat", "--model", str(tiny.gguf), "--greedy", "--no-memory")
    with Terminal(tmp_path, height=200) as terminal:  # so high that no reply scrolls
        terminal.start(*program)
        terminal.until("awake", "gguf")
        terminal.write("what are you up to")
        terminal.press("Enter")
        terminal.until("what are you up to")
        terminal.wait(lambda: any(role == "assistant" and text for role, text, _ in said(persona)))
        terminal.press("Escape")
        before = settled(terminal, persona)
        terminal.press("C-q")
        assert terminal.ended() == 0
        (_, mine, sent), (_, reply, state) = said(persona)
        assert (mine, sent) == ("what are you up to", "done")
        assert reply
        assert state in ("cancelled", "length", "done")  # as fast as the machine was
        terminal.start(*program)
        terminal.until("gguf")
        after = settled(terminal, persona)
        assert transcript(after) == transcript(before)
        assert len(transcript(after)) > len(("day", "", "mine", "", "who", "reply"))
        terminal.press("C-q")
        assert terminal.ended() == 0


def test_what_was_on_the_screen_outlives_a_kill(persona: Persona, tmp_path: Path) -> None:
    """kill -9 in the middle of a reply: what had been written stands there again, and that it was interrupted."""
    with (
        Scripted(models(mira=2048), hang(delta("just got "), delta("home\nfeeding"))) as server,
        Terminal(tmp_path) as terminal,
    ):
        program = ("chat", "--engine", "openai", "--url", server.url, "--no-memory")
        number = terminal.start(*program)
        terminal.until("awake")
        terminal.write("what are you up to")
        terminal.press("Enter")
        terminal.until("just got home", "feeding", "typing…")
        os.kill(number, signal.SIGKILL)
        assert terminal.ended() == KILLED
        server.deeds.append(models(mira=2048))
        terminal.start(*program)
        terminal.until("what are you up to", "just got home", "feeding", "interrupted: the program ended")
        terminal.press("C-q")
        assert terminal.ended() == 0
    assert said(persona) == [
        ("user", "what are you up to", "done"),
        ("assistant", "just got home\nfeeding", "interrupted"),
    ]
