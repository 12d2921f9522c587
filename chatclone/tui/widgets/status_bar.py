"""The lines around a conversation: who is there above it, what runs and which keys help below."""

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from chatclone.engines.protocol import Engine
from chatclone.i18n.translate import tr
from chatclone.safe_text import visible
from chatclone.tui.commands.command_table import COMMANDS, Command


class Title(Horizontal):
    """Who one is writing with, that it is a clone, and its state in words."""

    def __init__(self, name: str, id: str) -> None:
        super().__init__(id=id)
        self._clone_name = name

    def compose(self) -> ComposeResult:
        """Build the name and the state."""
        yield Static(self._called(""), classes="name")
        yield Static(classes="state", markup=False)

    def call(self, partner: str) -> None:
        """Say whom the clone talks to, where that was chosen."""
        self.query_one(".name", Static).update(self._called(partner))

    def _called(self, partner: str) -> Content:
        who = tr("you are {partner}", partner=" ".join(visible(partner).split()))
        to = f"  ·  {who}" if partner else ""
        return Content.assemble((visible(self._clone_name), "bold"), (f"  {tr('clone')}{to}", "$foreground 60%"))

    def say(self, state: str) -> None:
        """Show a state."""
        self.query_one(".state", Static).update(state)


class StatusLine(Horizontal):
    """Which model answers, how fast the last reply was, and the keys."""

    def compose(self) -> ComposeResult:
        """Build both halves."""
        yield Static(classes="engine", markup=False)
        for command in COMMANDS:
            if command.hinted:
                yield KeyHint(command)

    def say(self, text: str, why: str | None = None) -> None:
        """Show what runs; the mouse over it says why this engine, where that is told."""
        line = self.query_one(".engine", Static)
        line.update(visible(text))
        if why is not None:
            line.tooltip = Content(visible(why)) if why else None

    def offer_stop(self, offered: bool) -> None:
        """Name the key that stops a reply only while there is one."""
        self.query_one("#hint-stop").display = offered


def what_runs(engine: Engine, speed: float = 0.0) -> str:
    """Return how fast the last reply was, where words go when they leave this machine, and which model answers.

    The line is cut at its end, so what changes comes first and the longest name last.
    """
    parts = [tr("{speed:.0f} tokens/s", speed=speed)] if speed else []
    parts += [tr("words go to {server}", server=engine.remote)] if engine.remote else []
    return " · ".join([*parts, engine.name, engine.model.removesuffix(f".{engine.name}")])


class KeyHint(Static):
    """A key and what it does; a click does it too."""

    def __init__(self, command: Command) -> None:
        super().__init__(
            Content.assemble((command.key, "bold $accent"), f" {tr(command.title).lower()}"), id=f"hint-{command.id}"
        )
        self._action = command.action

    async def on_click(self) -> None:
        """Do what the key does."""
        await self.app.run_action(self._action)
