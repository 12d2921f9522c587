"""A table of choices, their values and the reason of each, wrapped to the width there is."""

import textwrap
from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from chatclone.tui.visible import visible

Row = tuple[str, str, str]
"""What is decided, its value, and why."""
WIDEST_NAME, WIDEST_VALUE = 22, 16
NARROWEST_REASON = 24


class Reasons(Static):
    """Shows rows; an empty table takes no room."""

    def __init__(self, rows: Sequence[Row] = (), id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows = tuple(rows)

    def show(self, rows: Sequence[Row]) -> None:
        """Show other rows."""
        self._rows = tuple(rows)
        self._draw()

    def on_resize(self) -> None:
        """Wrap them anew."""
        self._draw()

    def _draw(self) -> None:
        if self._rows and self.size.width:
            self.update(Content("\n").join(_lines(self._rows, self.size.width)))
        else:
            self.update("")


def _lines(rows: Sequence[Row], width: int) -> list[Content]:
    names = min(WIDEST_NAME, max(len(name) for name, _, _ in rows))
    values = min(WIDEST_VALUE, max(len(value) for _, value, _ in rows))
    room = max(NARROWEST_REASON, width - names - values - 4)
    lines = []
    for name, value, reason in rows:
        first, *rest = textwrap.wrap(visible(reason), room) or [""]
        lines.append(
            Content.assemble(
                (f"{name:>{names}}", "$foreground 60%"), "  ", (f"{visible(value):<{values}}", "bold"), "  ", first
            )
        )
        lines += [Content(" " * (names + values + 4) + line) for line in rest]
    return lines
