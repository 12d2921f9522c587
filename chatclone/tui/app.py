"""The terminal app: the welcome without a persona, the chat with one, and the way from one to the other.

Importing this module loads Textual and nothing heavier; the model is loaded in a thread after the first paint, and the
pages of the way are imported when somebody goes there.
"""

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from chatclone import persona as personas
from chatclone.chats import ChatStore
from chatclone.locations import demo_export, ensure, home_directory, log_file
from chatclone.persona import Persona
from chatclone.tui.commands import COMMANDS, binding_keys
from chatclone.tui.journey import Journey
from chatclone.tui.opened import Opened, opener, version_of
from chatclone.tui.preferences import Preferences
from chatclone.tui.runs import Training, find_training
from chatclone.tui.screens.chat import ChatScreen
from chatclone.tui.screens.help import HelpScreen
from chatclone.tui.screens.page import Page
from chatclone.tui.screens.welcome import WelcomeScreen
from chatclone.tui.themes import DUSK, THEMES
from chatclone.tui.waking import CloneFactory
from chatclone.tui.widgets.composer import teach_alt_enter

WATCH_SECONDS = 1.0
"""How often the app looks whether a training has ended."""


class ChatcloneApp(App[None]):
    """Messaging a person's clone in the terminal, and everything that makes one."""

    TITLE = "chatclone"
    DEFAULT_MODE = "0"
    CSS_PATH: ClassVar = ["chatclone.tcss", "work.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(binding_keys(c), c.action, c.title, id=c.id, tooltip=c.description, priority=True)
        for c in COMMANDS
        if c.action.startswith("app.")
    ]

    def __init__(
        self,
        persona: Persona | None,
        clone_factory: CloneFactory | None = None,
        store: ChatStore | None = None,
        *,
        clock: Callable[[], float] = time.time,
        journey: Journey | None = None,
    ) -> None:
        super().__init__()
        self.journey = journey or Journey(home_directory())
        self.journey.persona = persona
        self.opened = Opened()
        self._clone_factory = clone_factory
        self._store = store
        self._clock = clock
        self._chat_version = version_of(persona) if persona else None
        self._watching = False
        # A mode is a stack of screens: a chat that is opened anew gets another one, and the old one is removed whole.
        self.add_mode(self.DEFAULT_MODE, self._first_screen)
        self.preferences: Preferences | None = None

    def on_mount(self) -> None:
        """Set the theme; the first screen follows. After it, look for a training that goes on without us."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DUSK.name
        if self.preferences is not None:
            self.preferences.apply(self)
        self.call_after_refresh(self.run_worker, self._find_training, thread=True, group="find", exit_on_error=False)
        self.set_interval(WATCH_SECONDS, self._watch)

    def _first_screen(self) -> Screen[None]:
        """Return the chat, or the welcome while there is nobody to chat with."""
        persona = self.journey.persona
        if persona is None or self._clone_factory is None or self._store is None:
            return WelcomeScreen(self.journey)
        return ChatScreen(persona, self._clone_factory, self._store, self._clock)

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

    def action_menu(self) -> None:
        """Show where one can go."""
        if not isinstance(self.screen, WelcomeScreen):
            self._go(WelcomeScreen(self.journey))

    def action_import(self) -> None:
        """Choose an export to import."""
        from chatclone.tui.screens.import_ import ImportScreen

        self._go(ImportScreen(self.journey))

    def action_train(self) -> None:
        """Show the training that goes on, or plan one."""
        from chatclone.tui.screens.train import TrainScreen
        from chatclone.tui.screens.training import TrainingScreen

        persona = self.journey.refresh()
        training = self.journey.training
        if persona is None:
            self.action_import()
        elif training is not None and (training.running() or not training.seen):
            self._go(TrainingScreen(self.journey, training))
        else:
            self._go(TrainScreen(self.journey, persona))

    def action_export(self) -> None:
        """Choose how to export."""
        from chatclone.tui.screens.export import ExportScreen

        persona = self.journey.refresh()
        if persona is None:
            self.action_import()
        else:
            self._go(ExportScreen(self.journey, persona))

    def action_demo(self) -> None:
        """Go the whole way with an invented person, in a home of its own, from where it was left."""
        home = self.journey.home
        if home.name != "demo":
            home = home / "demo"
        there = personas.list_all(home)
        if not there:
            from chatclone.ingest import Request
            from chatclone.tui.screens.importing import ImportingScreen

            self._go(ImportingScreen(self.journey, Request([demo_export()]), home, demo=True))
            return
        self.journey.home, self.journey.persona, self.journey.preset = home, there[0], "demo"
        (self.action_chat if there[0].adapter else self.action_train)()

    def action_chat(self) -> None:
        """Go to the chat, opened anew where the persona, its adapter or its export has changed."""
        persona = self.journey.refresh()
        if persona is None:
            self.action_import()
            return
        if self._chat_version == version_of(persona) and isinstance(self.screen_stack[0], ChatScreen):
            while len(self.screen_stack) > 1:
                self.pop_screen()
            return
        self._chat_version = version_of(persona)
        self._open_chat(persona)

    def _open_chat(self, persona: Persona) -> None:
        """Open the chat on a persona as it is now, in the place of whatever is open; the former model is freed."""
        factory = self.opened.keeping(opener(self.journey.work.open_persona, persona, self.journey.home))
        self.run_worker(self.opened.closing_clones(), thread=True, group="close")
        store, before = self.opened.store(persona), self.current_mode
        mode = str(int(before) + 1)
        self.add_mode(mode, lambda: ChatScreen(persona, factory, store, self._clock))
        self.switch_mode(mode)
        self.remove_mode(before)

    def _go(self, page: Screen[None]) -> None:
        """Go from page to page, so that Esc leads back to the menu or the chat.

        Nobody waits for it: the page that is left may be what asks, and cannot end before its handler does.
        """
        if isinstance(self.screen, Page):
            self.switch_screen(page)
        else:
            self.push_screen(page)

    def _find_training(self) -> None:
        """Look for a run that outlived the app, in a thread."""
        persona = self.journey.persona
        if persona is not None and self.journey.training is None:
            training = find_training(persona, self.journey.work.worker_lives)
            if training is not None and self.journey.training is None:
                self.journey.training = training
                if training.running():
                    self.notify(f"{persona.name}'s training goes on. /train shows it.", markup=False)

    def _watch(self) -> None:
        training = self.journey.training
        if training is not None and not training.told and not self._watching:
            self._watching = True
            self.run_worker(lambda: self._look_at(training), thread=True, group="watch", exit_on_error=False)

    def _look_at(self, training: Training) -> None:
        """Tell once that a training is over, in a thread; the page that shows it tells by itself."""
        ended = not training.running()
        self._watching = False
        if ended and not training.told and not _on_page(self.screen):
            training.told = True
            name = training.persona.name
            if training.failure:
                text = f"{training.failure.message}\ntry: {training.failure.hint}"
                self.notify(text, title=f"{name}'s training failed", severity="error", timeout=60, markup=False)
            else:
                self.notify(
                    f"{name} is trained. /train says how well, and opens the chat anew.", timeout=20, markup=False
                )


def _on_page(screen: Screen[object]) -> bool:
    """Return whether a screen is the one that shows the training."""
    return isinstance(screen, Page) and screen.heading == "Training"


def _runner(app: App[None], action: str) -> Callable[[], object]:
    """Return a function that runs an action, as the palette wants it."""
    return lambda: app.run_action(action)


def run_app(persona: Persona | None, open_clone: CloneFactory, home: Path) -> None:
    """Run the app on a persona until it is left; `open_clone` loads the model and is called after the first paint."""
    logging.basicConfig(filename=log_file(ensure(home)), filemode="w", level=logging.WARNING)
    teach_alt_enter()
    preferences = Preferences(home)
    if persona is None:
        app = ChatcloneApp(None, journey=Journey(home))
        app.preferences = preferences
        _run(app)
        return
    opened = Opened()
    store = opened.store(persona)
    app = ChatcloneApp(persona, opened.keeping(open_clone), store, journey=Journey(home))
    app.opened = opened
    app.preferences = preferences
    _run(app)


def _run(app: ChatcloneApp) -> None:
    """Run until the app is left; a bug, whose traceback is on the screen by then, ends the program with 1."""
    try:
        app.run()
    finally:
        app.opened.close()
    if app.return_code:
        raise SystemExit(app.return_code)
