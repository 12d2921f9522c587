"""The help screen, made from the table of commands."""

from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from chatclone.i18n.translate import tr
from chatclone.tui.commands.command_table import COMMANDS, GROUPS, shown_usage

WIDTH, INDENT = 69, 28
"""Characters of a line within the page, and of what stands before a description."""


class HelpScreen(ModalScreen[None]):
    """All keys and commands on one page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q,enter", "dismiss", "Close", id="help.close", show=False)
    ]

    def compose(self) -> ComposeResult:
        """Build the page."""
        with VerticalScroll(id="help") as page:
            page.border_title = tr("Help")
            page.border_subtitle = tr("Esc closes")
            yield Static(_page())


def _page() -> Content:
    """Return the table as text: writing first, then a line a command, under a heading a group."""
    sends = tr("Send. Ctrl+J or Alt+Enter begin a new line, ↑ brings back what was sent.")
    lines = [_line("Enter", "", sends)]
    for group in GROUPS:
        lines += [Content(""), Content.styled(tr(group), "bold underline")]
        lines += [
            _line(c.key, shown_usage(c), tr(c.description)) for c in COMMANDS if c.group == group and c.description
        ]
    closing = "\n".join(
        [
            tr(
                "A click chooses a message, a click on ‹2/3› goes to another version. // begins a message with a slash."
            ),
            tr("Other keys: [keys] in config.toml, by the ids in docs/terminal.md."),
        ]
    )
    return Content("\n").join([*lines, Content(""), Content.styled(closing, "$foreground 60%")])


def _line(key: str, usage: str, description: str) -> Content:
    text = f"\n{' ' * INDENT}".join(wrap(description, WIDTH - INDENT))
    return Content.assemble((f"{key:<10}", "bold $accent"), (f"{usage:<18}", "$foreground 60%"), text)
