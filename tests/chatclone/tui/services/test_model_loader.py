"""What loading a model leaves behind for the screen, and for the garbage collector."""

import gc
from collections.abc import Callable
from pathlib import Path

from textual.message import Message

from chatclone.clone.clone import Clone
from chatclone.errors import ChatcloneError
from chatclone.personas.persona import Persona
from chatclone.tui.services.model_loader import wake
from chatclone.tui.services.thread_messages import CloneAsleep, CloneAwake
from tests.fakes import FakeEngine


def told_to(messages: list[Message]) -> Callable[[Message], bool]:
    """Return a screen that keeps what it is told."""

    def post(message: Message) -> bool:
        messages.append(message)
        return True

    return post


def test_awake(tmp_path: Path) -> None:
    """The screen gets the clone; what is there by then is looked through for garbage no more."""
    clone, told, before = Clone(Persona(tmp_path, "Mira"), FakeEngine()), list[Message](), gc.get_freeze_count()
    wake(lambda: (clone, "on a slow disk"), told_to(told))
    (awake,) = told
    assert isinstance(awake, CloneAwake)
    assert (awake.clone, awake.note) == (clone, "on a slow disk")
    assert gc.get_freeze_count() > before


def test_asleep() -> None:
    """A model that cannot be loaded is told with what to do about it."""
    told: list[Message] = []

    def missing() -> tuple[Clone, str]:
        raise ChatcloneError("there is no model", "export one")

    wake(missing, told_to(told))
    (asleep,) = told
    assert isinstance(asleep, CloneAsleep)
    assert asleep.explanation == "there is no model\nexport one"
