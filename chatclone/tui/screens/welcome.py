"""What is shown while there is no persona: the two ways to get one."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

WELCOME = """\
[bold $accent]chatclone[/]
[$foreground 60%]Talk to a copy of yourself that runs on your own computer.[/]

There is nobody to talk to yet. Two ways to change that:

[bold]chatclone import result.json[/]
[$foreground 60%]reads an export of your chats (Telegram Desktop: Settings,
Advanced, Export Telegram data, JSON); then [/][bold]chatclone train[/]

[bold]chatclone demo[/]
[$foreground 60%]tries it all on an invented person, offline, in a few minutes[/]

[$foreground 60%]Nothing you import leaves this computer.[/]   [bold $accent]Ctrl+Q[/] quit"""


class WelcomeScreen(Screen[None]):
    """Says how to begin."""

    def compose(self) -> ComposeResult:
        """Build the page."""
        with Vertical(id="welcome"):
            yield Static(Content.from_markup(WELCOME))
