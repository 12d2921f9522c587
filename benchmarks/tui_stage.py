"""What `benchmarks/tui.py` starts in processes of their own: an empty app, and a reply at a known pace, shown or not.

    python benchmarks/tui_stage.py empty
    python benchmarks/tui_stage.py bare|app SECONDS TOKENS FILE

Each token takes SECONDS by the clock, in which no lock of Python's is held, as the matrix products of a real model hold
none. The next token is begun when this one was handed on, as a real model does too: what keeps the engine waiting is
lost for good and not caught up with. The engine measures itself, from its first token to its last, and FILE gets the
seconds and the processor seconds of the whole process.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":  # else this script's own folder stands first, where `memory` is a benchmark
    sys.path[0] = str(Path(__file__).parents[1])

from chatclone.engines.protocol import Cancelled, EngineEvent, Piece, Reading, Sampling, Stopped
from chatclone.prompt.render import ChatMessage, Prompt

WORDS = ("just ", "got ", "home ", "and ", "the ", "cat ", "is ", "fine ")
BUBBLE_TOKENS = 24


class ClockEngine:
    """An engine whose every token takes the same time."""

    name, model, remote, context = "clock", "none", "", 8192
    settings: tuple[str, ...] = ()

    def __init__(self, seconds: float, tokens: int) -> None:
        from chatclone.engines.estimated_tokens import estimating_template

        self.template = estimating_template()
        self.figures: dict[str, float] = {}
        self._pace = seconds
        self._tokens = tokens

    def generate(self, prompt: Prompt, sampling: Sampling, cancelled: Cancelled) -> Iterator[EngineEvent]:
        """Write the tokens."""
        yield Reading(len(prompt.ids), len(prompt.ids))
        started, worked = time.perf_counter(), time.process_time()
        for number in range(self._tokens):
            if cancelled():
                break
            time.sleep(self._pace)
            yield Piece("\n" if number % BUBBLE_TOKENS == BUBBLE_TOKENS - 1 else WORDS[number % len(WORDS)])
        self.figures = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - worked}
        yield Stopped("end_of_turn")

    def set_strength(self, strength: float) -> None:
        """There is no adapter."""

    def close(self) -> None:
        """There is no model."""


def empty() -> None:
    """Run an app of Textual's with nothing in it."""
    from textual.app import App

    App().run()


def bare(engine: ClockEngine) -> None:
    """Let the clone write to nobody."""
    from chatclone.clone.clone import Clone
    from chatclone.personas.persona import Persona

    for _ in Clone(Persona(Path("nowhere"), "Mira"), engine).reply([ChatMessage("user", "hi")]):
        pass


def app(engine: ClockEngine) -> None:
    """Let the clone write into the app, which shows and saves all of it."""
    from chatclone.clone.clone import Clone
    from chatclone.conversations import ChatStore
    from chatclone.personas.persona import Persona
    from chatclone.tui.app import ChatcloneApp
    from chatclone.tui.run_app import run
    from chatclone.tui.screens.chat import ChatScreen
    from chatclone.tui.widgets.composer import Composer

    with tempfile.TemporaryDirectory() as folder:
        persona = Persona(Path(folder), "Mira")
        store = ChatStore.open(persona.chats_file)
        running = ChatcloneApp(persona, lambda: (Clone(persona, engine), ""), store)

        def look() -> None:
            screen = running.screen
            if not isinstance(screen, ChatScreen):
                return
            if screen.replies.clone is not None and not store.conversations():
                screen.post_message(Composer.Sent("hi"))
            elif engine.figures and screen.replies.current is None:
                running.exit()

        running.call_later(running.set_interval, 0.2, look)
        run(running)
        store.close()


def main() -> None:
    """Do what the arguments say."""
    if sys.argv[1] == "empty":
        empty()
        return
    what, seconds, tokens, file = sys.argv[1:]
    engine = ClockEngine(float(seconds), int(tokens))
    {"bare": bare, "app": app}[what](engine)
    Path(file).write_text(json.dumps(engine.figures))


if __name__ == "__main__":
    main()
