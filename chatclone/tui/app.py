"""The terminal app: the welcome without a persona, the chat with one, and the way from one to the other.

Importing this module loads Textual and nothing heavier. The chat is imported after the first paint, the model loaded
in a thread after that, and the pages of the way are imported when somebody goes there.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.screen import Screen

from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import tr
from chatclone.paths import demo_export, home_directory
from chatclone.personas import persona as personas
from chatclone.personas.persona import Persona
from chatclone.tui.commands.command_table import COMMANDS, binding_keys
from chatclone.tui.preferences import Preferences
from chatclone.tui.screens.first_paint import FirstScreen
from chatclone.tui.screens.welcome import WelcomeScreen
from chatclone.tui.services.journey import Journey
from chatclone.tui.services.open_personas import CloneFactory, Opened, opener, version_of
from chatclone.tui.services.thread_failures import show_thread_failures
from chatclone.tui.services.training_watch import TrainingWatch, is_page
from chatclone.tui.themes import DUSK, FEW_COLOURS, THEMES, has_few_colours

if TYPE_CHECKING:
    from chatclone.conversations import ChatStore

PAINT_SECONDS = 0.02
"""What a terminal gets for the first paint, which is some kilobytes."""
STYLES = ("chatclone.tcss", "pages.tcss")
"""What is drawn after the first paint; that has a small file of its own, since parsing styles takes long."""
CHAT = "chatclone.tui.screens.chat"
"""The module that takes longest to import, with all that it needs."""


class ChatcloneApp(App[None]):
    """Messaging a person's clone in the terminal, and everything that makes one."""

    TITLE = "chatclone"
    DEFAULT_MODE = "0"
    CSS_PATH: ClassVar = "first_paint.tcss"
    NOTIFICATION_TIMEOUT: ClassVar[float] = 2
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(binding_keys(c), c.action, c.title, id=c.id, tooltip=c.description, priority=True)
        for c in COMMANDS
        if c.action.startswith("app.")
    ]

    def __init__(
        self,
        persona: Persona | None,
        clone_factory: CloneFactory | None = None,
        store: "ChatStore | None" = None,
        *,
        clock: Callable[[], float] = time.time,
        journey: Journey | None = None,
    ) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        # Set later, a theme would have all styles parsed again before the first paint.
        self.set_reactive(App.theme, DUSK.name)
        self._colours = self.get_css_variables()
        self.stylesheet.set_variables(self._colours)
        self.journey = journey or Journey(home_directory())
        self.journey.persona = persona
        self.opened = Opened()
        self._watch = TrainingWatch(self, self.journey)
        self._clone_factory = clone_factory
        self._store = store
        self._clock = clock
        self._chat_version = version_of(persona) if persona else None
        # A mode is a stack of screens: a chat that is opened anew gets another one, and the old one is removed whole.
        self.add_mode(self.DEFAULT_MODE, self._first_screen)
        self.preferences: Preferences | None = None
        self.fault: ChatcloneError | None = None
        """Why the app could not go on."""

    def on_mount(self) -> None:
        """Apply the preferences and watch the threads; the first screen follows."""
        show_thread_failures(self)
        self.set_class(has_few_colours(self), FEW_COLOURS)
        if self.preferences is not None:
            self.preferences.apply(self)

    def refresh_css(self, animate: bool = True) -> None:
        """Style all anew; Textual would parse every style each time, which only other colours make necessary."""
        colours = self.get_css_variables()
        if colours != self._colours:
            self._colours = colours
            super().refresh_css(animate)
        else:
            self.stylesheet.update(self, animate=animate)

    def on_notify(self) -> None:
        """Say one thing at a time: a pile of notes would hide what is read."""
        self.clear_notifications()

    def on_ready(self) -> None:
        """Go on soon after the first paint: imports would keep the thread waiting that writes to the terminal."""
        self.set_timer(PAINT_SECONDS, self._go_on)

    def _go_on(self) -> None:
        """Have the chat take its place, and look for a training that went on."""
        if not gc.isenabled():
            gc.freeze()  # what is imported by now stays; only what comes after it is gone through
            gc.enable()
        self._read_styles()
        first = self.screen_stack[0]
        if self._clone_factory is not None and isinstance(first, FirstScreen):
            self._furnish(first.persona, self._clone_factory)
        self._watch.begin()

    def _first_screen(self) -> Screen[None]:
        """Return the chat, what stands in its place until it is imported, or the welcome while there is nobody."""
        persona, factory = self.journey.persona, self._clone_factory
        if persona is None or factory is None:
            return WelcomeScreen(self.journey)
        if CHAT in sys.modules:
            return self._chat(persona, factory)
        return FirstScreen(persona)

    def _read_styles(self) -> None:
        """Read, once, what is drawn after the first paint; whatever opens before it is time asks for it too."""
        paths = [Path(__file__).with_name(name) for name in STYLES]
        if not self.stylesheet.has_source(str(paths[0])):
            self.stylesheet.read_all(paths)
            self.stylesheet.parse()

    def _furnish(self, persona: Persona, factory: CloneFactory) -> None:
        """Put the chat in the place of the first screen; keys that are pressed meanwhile wait for it."""
        try:
            self._enter(self._chat(persona, factory))
        except ChatcloneError as error:
            self.fault = error
            self.exit()

    def _chat(self, persona: Persona, factory: CloneFactory) -> Screen[None]:
        from chatclone.tui.screens.chat import ChatScreen
        from chatclone.tui.services.model_choices import Models

        self._read_styles()
        store, self._store = self._store or self.opened.store(persona), None
        models = Models(persona, self.journey.home, self.opened, self.journey.work.open_model)
        return ChatScreen(persona, factory, store, self._clock, models)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Fill the palette from the table of commands; those of the chat only where the chat is."""
        from chatclone.tui.screens.chat import ChatScreen

        for command in COMMANDS:
            in_app = command.action.startswith("app.")
            if command.slash and command.id != "palette" and (in_app or isinstance(screen, ChatScreen)):
                run = _runner(self, command.action)
                does = tr(command.description) if command.description else ""
                yield SystemCommand(tr(command.title), f"{does} {command.key}".strip(), run)
        yield SystemCommand(tr("Theme"), tr("Change the colours."), self.action_change_theme)

    def action_command_palette(self) -> None:
        """Show the palette, which asks in the reader's language."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(placeholder=tr("Find any command by its name."), id="--command-palette"))

    def action_help(self) -> None:
        """Show all keys and commands."""
        from chatclone.tui.screens.help import HelpScreen

        self._read_styles()
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def action_menu(self) -> None:
        """Show where one can go."""
        if not isinstance(self.screen, WelcomeScreen):
            self._go(WelcomeScreen(self.journey))

    def action_import(self) -> None:
        """Choose an export to import."""
        from chatclone.tui.screens.choose_export import ImportScreen

        self._go(ImportScreen(self.journey))

    def action_train(self) -> None:
        """Show the training that goes on, or plan one."""
        from chatclone.tui.screens.training_plan import TrainScreen
        from chatclone.tui.screens.training_progress import TrainingScreen

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
            from chatclone.ingest.import_run import Request
            from chatclone.tui.screens.import_progress import ImportingScreen

            self._go(ImportingScreen(self.journey, Request([demo_export()]), home))
            return
        self.journey.home, self.journey.persona, self.journey.preset = home, there[0], "demo"
        (self.action_chat if there[0].adapter else self.action_train)()

    def action_chat(self) -> None:
        """Go to the chat, opened anew where the persona, its adapter or its export has changed."""
        from chatclone.tui.screens.chat import ChatScreen

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
        self._enter(self._chat(persona, factory))

    def _enter(self, screen: Screen[None]) -> None:
        """Show a screen in the place of whatever is open."""
        before = self.current_mode
        mode = str(int(before) + 1)
        self.add_mode(mode, lambda: screen)
        self.switch_mode(mode)
        self.remove_mode(before)

    def _go(self, page: Screen[None]) -> None:
        """Go from page to page, so that Esc leads back to the menu or the chat.

        Nobody waits for it: the page that is left may be what asks, and cannot end before its handler does.
        """
        self._read_styles()
        if is_page(self.screen):
            self.switch_screen(page)
        else:
            self.push_screen(page)


def _runner(app: App[None], action: str) -> Callable[[], object]:
    """Return a function that runs an action, as the palette wants it."""
    return lambda: app.run_action(action)
