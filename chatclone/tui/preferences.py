"""What a person prefers in all chats, from `config.toml`: the language, keys by command id, and the theme."""

import os
from pathlib import Path

from textual.app import App
from textual.theme import Theme

from chatclone import config
from chatclone.i18n.translate import chosen_language, tr, use
from chatclone.tui.commands.command_table import keymap


class Preferences:
    """The preferences of a home; a wrong language or key is a ChatcloneError before the app begins."""

    def __init__(self, home: Path) -> None:
        self._home = home
        loaded = config.load(home)
        use(chosen_language(loaded.language, os.environ))
        self._keys = keymap(loaded.keys, str(config.config_file(home)))
        self._theme = loaded.theme

    def apply(self, app: App[None]) -> None:
        """Give an app its keys and its theme, an unknown one being left out, and keep the theme it is given later."""
        app.set_keymap(self._keys)
        if self._theme in app.available_themes:
            app.theme = self._theme
        elif self._theme:
            app.notify(tr("There is no theme {theme}.", theme=self._theme), severity="warning", markup=False)
        app.theme_changed_signal.subscribe(app, self._keep)

    def _keep(self, theme: Theme) -> None:
        if theme.name != self._theme:
            self._theme = theme.name
            config.set_theme(self._home, theme.name)
