"""Writing a message: what terminals send for its keys."""

from textual._xterm_parser import XTermParser
from textual.events import Key

from chatclone.tui.terminal.alt_enter import teach_alt_enter
from chatclone.tui.widgets.composer import NEWLINE_KEYS


def keys(sequence: str) -> list[str]:
    """Return the keys that Textual reads from what a terminal sends."""
    return [event.key for event in XTermParser().feed(sequence) if isinstance(event, Key)]


def test_alt_enter_is_a_new_line_in_a_plain_terminal() -> None:
    """Textual alone takes ESC CR for Enter, and half a message would be sent."""
    teach_alt_enter()
    assert [key in NEWLINE_KEYS for key in keys("\x1b\r")] == [True]
    assert keys("\r") == ["enter"]
    assert keys("\n")[0] in NEWLINE_KEYS
