"""The chat as plain lines: for pipes, screen readers and terminals that can do little.

A line in is a message, a line out is a bubble. The slash commands are those of the app that make sense without a
screen, from the same table. Everything is saved as the app saves it.
"""

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TextIO

from chatclone import config
from chatclone.clone.clone import Clone
from chatclone.clone.saved_reply import answer, begin_reply, continue_reply, explain
from chatclone.conversations import ChatStore, Settings, StoredMessage
from chatclone.engines.protocol import Reading
from chatclone.errors import ChatcloneError
from chatclone.i18n.error_text import explained_error, explained_text
from chatclone.i18n.translate import chosen_language, tr, use
from chatclone.repl.loaded_model import Loaded
from chatclone.repl.plain_commands import told
from chatclone.safe_text import visible
from chatclone.tui.commands import command_table
from chatclone.tui.services.model_choices import Key, key_of

SHOWN = 4
"""Messages that are printed when a conversation is opened."""


def run_plain(loaded: Loaded, store: ChatStore, input_stream: TextIO, output: TextIO, home: Path) -> int:
    """Chat until the input ends or /quit; returns 0, or 1 when a reply failed, or 130 when interrupted between two.

    It speaks the language that the home's config.toml or the locale says.
    """
    use(chosen_language(config.load(home).language, os.environ))
    return PlainChat(loaded, store, input_stream, output).run()


class PlainChat:
    """One run of the plain chat; its conversation begins with the first message."""

    def __init__(self, loaded: Loaded, store: ChatStore, input_stream: TextIO, output: TextIO) -> None:
        self.loaded = loaded
        self.store = store
        self._input = input_stream
        self._output = output
        self.question: StoredMessage | None = None
        self.reply: StoredMessage | None = None
        self._fresh = Settings()
        self._failed = False
        self._does: dict[str, Callable[[str], None]] = {
            "help": self._help,
            "new": self._new,
            "regenerate": self._regenerate,
            "continue": self._continue,
            "edit": self._edit,
            "older": lambda argument: self._sibling(-1),
            "newer": lambda argument: self._sibling(1),
            "unsend": self._unsend,
            **told(self),
        }

    def run(self) -> int:
        """Read and answer line by line."""
        if self._input.isatty():
            name = self.clone.persona.name
            self.print(tr("This is a clone of {name}. /help lists what you can do, Ctrl+D ends.", name=name))
        try:
            for line in self._lines():
                text = line.strip()
                if command_table.is_command(text):
                    if not self._command(text):
                        break
                elif text:
                    self._send(command_table.unescape(text))
        except KeyboardInterrupt:
            self.print("")
            return 130
        return 1 if self._failed else 0

    def _lines(self) -> Iterator[str]:
        """Yield the lines of the input until it ends."""
        while line := self.ask(tr("you")):
            yield line
        if self._input.isatty():
            self.print("")

    def ask(self, question: str) -> str:
        """Return the next line of the input, empty at its end; a person who types is told what it is for."""
        if self._input.isatty():
            self._output.write(f"{question}: ")
            self._output.flush()
        return self._input.readline()

    def _command(self, line: str) -> bool:
        """Run a slash command; returns whether to go on."""
        command, argument = command_table.find(line)
        if command is not None and command.id == "quit":
            return False
        if command is None or command.id not in self._does:
            self.print(tr("There is no {command} here; /help lists what there is.", command=visible(line.split()[0])))
            return True
        try:
            self._does[command.id](argument)
        except ChatcloneError as error:
            self.print(visible(explained_error(error)))
        return True

    def _send(self, text: str) -> None:
        last = self.reply or self.question
        if last is None:
            settings = replace(self.settings, partner=self.settings.partner or self.clone.partner)
            conversation = self.store.create(text, settings=settings).id
        else:
            conversation = last.conversation
        self.question = self.store.add(conversation, "user", text, parent=last.id if last else None)
        self.reply = None
        self._write(None)

    @property
    def clone(self) -> Clone:
        """The clone as it is loaded now."""
        return self.loaded.clone

    @property
    def conversation(self) -> int | None:
        """The open conversation, None before its first message."""
        return self.question.conversation if self.question else None

    @property
    def settings(self) -> Settings:
        """Settings of the open conversation."""
        return self._fresh if self.conversation is None else self.store.settings(self.conversation)

    def configure(self, settings: Settings) -> None:
        """Hold the open conversation so from now on."""
        if self.conversation is None:
            self._fresh = settings
        else:
            self.store.configure(self.conversation, settings)

    def open(self, conversation: int | None) -> None:
        """Go to a conversation, or before the beginning of one, and print where it was left."""
        said = [] if conversation is None else self.store.messages(conversation, SHOWN)
        if conversation is not None:
            self.store.mark_read(conversation)
        self.question = next((m for m in reversed(said) if m.role == "user"), None)
        self.reply = said[-1] if said and said[-1].role == "assistant" else None
        for message in said:
            if message.role == "user":
                self.print(f"{tr('you')}: {visible(message.text)}")
            else:
                self._print_bubbles(message.bubbles, 0)

    def _write(self, seed: int | None) -> None:
        """Answer the last question."""
        if self.wakes():
            self.answer(seed)

    def answer(self, seed: int | None, settings: Settings | None = None) -> StoredMessage:
        """Write a reply to the last question beside those there are, with the model that is there, and return it."""
        assert self.question is not None
        return self._let_write(begin_reply(self.store, self.question), seed, settings)

    def wakes(self) -> bool:
        """Return whether the model that the open conversation wants is there; one that cannot be loaded is said."""
        try:
            self.load(key_of(self.settings))
        except Exception as error:
            self._failed = True
            self.print(visible(explained_text(explain(error))))
            return False
        return True

    def load(self, key: Key) -> None:
        """Have this model answer from now on; what was loaded before goes on where it cannot be loaded."""
        if key != self.loaded.key:
            self.print(tr("waking up {name}…", name=visible(self.clone.persona.name)))
            self.loaded.load(key)

    def _let_write(self, reply: StoredMessage, seed: int | None, settings: Settings | None = None) -> StoredMessage:
        """Write a begun reply, as `settings` say this once; every line is printed when it is whole."""
        self.reply = reply
        printed = max(0, len(reply.bubbles) - 1)
        try:
            with _interruptible() as stopped:
                writing = answer(self.clone, self.store, reply, cancelled=stopped.is_set, seed=seed, settings=settings)
                for event in writing:
                    if isinstance(event, Reading):
                        continue
                    self.reply = event
                    whole = event.bubbles if event.state != "writing" else event.text.split("\n")[:-1]
                    printed = self._print_bubbles([line for line in whole if line.strip()], printed)
        except Exception as error:
            self._failed = True
            self._print_bubbles(self.reply.bubbles, printed)
            self.print(visible(explained_text(explain(error))))
        else:
            self.store.mark_read(self.reply.conversation)
            if self.reply.state == "cancelled":
                self.print(f"({tr('stopped')})")
            elif not self.reply.text:
                self.print(f"({tr('said nothing')})")
        return self.reply

    def _print_bubbles(self, bubbles: list[str], printed: int) -> int:
        """Print those bubbles that are not yet; returns how many are now."""
        for line in bubbles[printed:]:
            self.print(f"{visible(self.clone.persona.name)} ({tr('clone')}): {visible(line)}")
        return len(bubbles)

    def _help(self, argument: str) -> None:
        for command in command_table.COMMANDS:
            if command.plain:
                self.print(f"{command_table.shown_usage(command):<18}{tr(command.description)}")
        self.print(tr("A message that begins with a slash: type //. Ctrl+C stops a reply, Ctrl+D ends."))

    def _new(self, argument: str) -> None:
        self.question = self.reply = None
        self._fresh = Settings()
        self.print(tr("A new conversation."))

    def _regenerate(self, argument: str) -> None:
        if self.question is None:
            self.print(tr("There is no reply yet."))
        else:
            self._write(random.randrange(2**31))

    def _continue(self, argument: str) -> None:
        if self.reply is None:
            self.print(tr("There is no reply yet."))
        elif self.wakes():
            self._let_write(continue_reply(self.store, self.reply), None)

    def _edit(self, argument: str) -> None:
        """Send my last message anew, beside the old one."""
        if self.question is None:
            raise ChatcloneError(tr("there is no message yet"), tr("write one"))
        self.question = self.store.edit(self.question, argument)
        self._write(None)

    def _sibling(self, step: int) -> None:
        """Go to another version of the last reply, or of the last message where it has only one."""
        for message in (self.reply, self.question):
            versions = self.store.siblings(message) if message is not None else []
            if message is not None and len(versions) > 1:
                wanted = min(len(versions) - 1, max(0, versions.index(message.id) + step))
                self.store.show(versions[wanted])
                self.print(tr("version {version} of {versions}", version=wanted + 1, versions=len(versions)))
                self.open(message.conversation)
                return
        self.print(tr("There is one version only."))

    def _unsend(self, argument: str) -> None:
        last = self.reply or self.question
        if last is None:
            raise ChatcloneError(tr("there is no message yet"), tr("write one"))
        self.store.delete_message(last)
        self.print(tr("Deleted; /undo brings it back, for a week."))
        self.open(last.conversation)

    def print(self, text: str) -> None:
        """Print a line at once."""
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
