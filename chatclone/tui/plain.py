"""The chat as plain lines: for pipes, screen readers and terminals that can do little.

A line in is a message, a line out is a bubble. The slash commands are those of the app that make sense without a
screen, from the same table. Everything is saved as the app saves it.
"""

import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

from chatclone.answering import answer, begin_reply, explain
from chatclone.chats import ChatStore, StoredMessage
from chatclone.clone import Clone
from chatclone.engines.base import Reading
from chatclone.errors import ChatcloneError
from chatclone.tui import commands
from chatclone.tui.days import local_day
from chatclone.tui.visible import visible


def run_plain(clone: Clone, store: ChatStore, input_stream: TextIO, output: TextIO) -> int:
    """Chat until the input ends or /quit; returns 0, or 1 when a reply failed, or 130 when interrupted between two."""
    return PlainChat(clone, store, input_stream, output).run()


class PlainChat:
    """One run of the plain chat; its conversation begins with the first message."""

    def __init__(self, clone: Clone, store: ChatStore, input_stream: TextIO, output: TextIO) -> None:
        self._clone = clone
        self._store = store
        self._input = input_stream
        self._output = output
        self._question: StoredMessage | None = None
        self._reply: StoredMessage | None = None
        self._failed = False
        self._does: dict[str, Callable[[], None]] = {
            "help": self._help,
            "new": self._new,
            "memory": self._memory,
            "regenerate": self._regenerate,
        }

    def run(self) -> int:
        """Read and answer line by line."""
        if self._input.isatty():
            self._print(f"This is a clone of {self._clone.persona.name}. /help lists what you can do, Ctrl+D ends.")
        try:
            for line in self._lines():
                text = line.strip()
                if commands.is_command(text):
                    if not self._command(text):
                        break
                elif text:
                    self._send(commands.unescape(text))
        except KeyboardInterrupt:
            self._print("")
            return 130
        return 1 if self._failed else 0

    def _lines(self) -> Iterator[str]:
        """Yield the lines of the input, asking for each where a person types them."""
        asked = self._input.isatty()
        while True:
            if asked:
                self._output.write("you: ")
                self._output.flush()
            line = self._input.readline()
            if not line:
                if asked:
                    self._print("")
                return
            yield line

    def _command(self, line: str) -> bool:
        """Run a slash command; returns whether to go on."""
        command, argument = commands.find(line)
        if command is not None and command.id == "quit":
            return False
        if command is None or command.id not in (*self._does, "strength"):
            self._print(f"There is no {visible(line.split()[0])} here; /help lists what there is.")
        elif command.id == "strength":
            self._strength(argument)
        else:
            self._does[command.id]()
        return True

    def _strength(self, argument: str) -> None:
        strength = commands.read_strength(argument)
        if strength is None:
            self._print("Write a number from 0 (the base alone) to 2, such as /strength 0.8")
            return
        try:
            self._clone.engine.set_strength(strength)
            self._print(f"The adapter is applied at {strength:g}.")
        except ChatcloneError as error:
            self._print(f"{error.message}: {error.hint}")

    def _send(self, text: str) -> None:
        last = self._reply or self._question
        conversation = last.conversation if last else self._store.create(text, self._clone.partner).id
        self._question = self._store.add(conversation, "user", text, parent=last.id if last else None)
        self._write(None)

    def _write(self, seed: int | None) -> None:
        """Answer the last question; every line is printed when it is whole."""
        assert self._question is not None
        reply = self._reply = begin_reply(self._store, self._question)
        printed = 0
        try:
            with _interruptible() as stopped:
                for event in answer(self._clone, self._store, reply, cancelled=stopped.is_set, seed=seed):
                    if isinstance(event, Reading):
                        continue
                    self._reply = event
                    whole = event.bubbles if event.state != "running" else event.text.split("\n")[:-1]
                    printed = self._print_bubbles([line for line in whole if line.strip()], printed)
        except Exception as error:
            self._failed = True
            self._print_bubbles(self._reply.bubbles, printed)
            what, _, hint = visible(explain(error)).partition("\n")
            self._print(f"error: {what}" + (f"\ntry: {hint}" if hint else ""))
        else:
            if self._reply.state == "stopped":
                self._print("(stopped)")
            elif not self._reply.text:
                self._print("(said nothing)")

    def _print_bubbles(self, bubbles: list[str], printed: int) -> int:
        """Print those bubbles that are not yet; returns how many are now."""
        for line in bubbles[printed:]:
            self._print(f"{visible(self._clone.persona.name)} (clone): {visible(line)}")
        return len(bubbles)

    def _help(self) -> None:
        for command in commands.COMMANDS:
            if command.plain:
                self._print(f"{command.usage:<18}{command.description}")
        self._print("A message that begins with a slash: type //. Ctrl+C stops a reply, Ctrl+D ends.")

    def _new(self) -> None:
        self._question = self._reply = None
        self._print("A new conversation.")

    def _memory(self) -> None:
        """Cite what the last reply was given to remember."""
        if self._reply is None or not self._reply.memory:
            self._print("Nothing was remembered for the last reply." if self._reply else "There is no reply yet.")
            return
        for number, hit in enumerate(self._reply.memory, start=1):
            head = f"[{number}] {local_day(hit.when)} · {visible(hit.who)} · {visible(hit.chat)} · {hit.score:.2f}"
            body = visible(hit.text.strip()).replace("\n", "\n    ")
            self._print(f"{head}\n    {body}")

    def _regenerate(self) -> None:
        if self._question is None:
            self._print("There is no reply yet.")
        else:
            self._write(random.randrange(2**31))

    def _print(self, text: str) -> None:
        self._output.write(f"{text}\n")
        self._output.flush()


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn Ctrl+C into a set event while a reply is written, so that the engine stops between two tokens.

    A second Ctrl+C interrupts as usual. Only the main thread may handle signals; elsewhere the event stays unset.
    """
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    usual = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, usual)
