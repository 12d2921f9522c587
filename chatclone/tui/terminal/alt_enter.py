"""Alt+Enter as a new line, also where a terminal sends for it what Textual does not know."""

import contextlib
from typing import cast

from textual.keys import Keys


def teach_alt_enter() -> None:
    """Have Textual read Alt+Enter as a new line in terminals without the Kitty keyboard protocol.

    They send ESC CR, which Textual 8.2 takes for Enter alone: half a message would be sent. Its table of sequences is
    not public, so where a later version has none, this does nothing and Ctrl+J is left.
    """
    with contextlib.suppress(ImportError):
        from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

        cast("dict[str, object]", ANSI_SEQUENCES_KEYS)["\x1b\r"] = (Keys.ControlJ,)
