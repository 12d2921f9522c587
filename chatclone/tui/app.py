"""The terminal app: the welcome screen without a persona, the chat with one.

Importing this module loads Textual and nothing heavier; the model is loaded in a thread after the first paint.
"""

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from chatclone.chats import ChatStore
from chatclone.clone import Clone
from chatclone.locations import ensure, log_file
from chatclone.persona import Persona
from chatclone.tui.commands import COMMANDS
from chatclone.tui.screens.chat import ChatScreen
from chatclone.tui.screens.help import HelpScreen
from chatclone.tui.screens.welcome import WelcomeScreen
from chatclone.tui.themes import DUSK, THEMES
from chatclone.tui.waking import CloneFactory
from chatclone.tui.widgets.composer import teach_alt_enter


class ChatcloneApp(App[None]):
    """Messaging a person's clone in the terminal."""

    TITLE = "chatclone"
    CSS_PATH = "chatclone.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(c.keys, c.action, c.title, id=c.id, tooltip=c.description, priority=True)
        for c in COMMANDS
        if c.keys and c.action.startswith("app.")
    ]

    def __init__(
        self,
        persona: Persona | None,
        clone_factory: CloneFactory | None = None,
        store: ChatStore | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._persona = persona
        self._clone_factory = clone_factory
        self._store = store
        self._clock = clock

    def on_mount(self) -> None:
        """Set the theme; the first screen follows."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DUSK.name

    def get_default_screen(self) -> Screen[None]:
        """Return the chat, or the welcome while there is nobody to chat with."""
        if self._persona is None or self._clone_factory is None or self._store is None:
            return WelcomeScreen()
        return ChatScreen(self._persona, self._clone_factory, self._store, self._clock)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Fill the palette from the table of commands; those of the chat only where the chat is."""
        for command in COMMANDS:
            in_app = command.action.startswith("app.")
            if command.slash and command.id != "palette" and (in_app or isinstance(screen, ChatScreen)):
                run = _runner(self, command.action)
                yield SystemCommand(command.title, f"{command.description} {command.key}".rstrip(), run)
        yield SystemCommand("Theme", "Change the colours.", self.action_change_theme)

    def action_help(self) -> None:
        """Show all keys and commands."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())


def _runner(app: App[None], action: str) -> Callable[[], object]:
    """Return a function that runs an action, as the palette wants it."""
    return lambda: app.run_action(action)


def run_app(persona: Persona | None, open_clone: CloneFactory, home: Path) -> None:
    """Run the app on a persona until it is left; `open_clone` loads the model and is called after the first paint."""
    logging.basicConfig(filename=log_file(ensure(home)), filemode="w", level=logging.WARNING)
    teach_alt_enter()
    if persona is None:
        _run(ChatcloneApp(None))
        return
    loaded: list[Clone] = []

    def open_and_keep() -> tuple[Clone, str]:
        clone, note = open_clone()
        loaded.append(clone)
        return clone, note

    store = ChatStore.open(persona.chats_file)
    try:
        _run(ChatcloneApp(persona, open_and_keep, store))
    finally:
        store.close()
        for clone in loaded:
            clone.close()


def _run(app: ChatcloneApp) -> None:
    """Run until the app is left; a bug, whose traceback is on the screen by then, ends the program with 1."""
    app.run()
    if app.return_code:
        raise SystemExit(app.return_code)
