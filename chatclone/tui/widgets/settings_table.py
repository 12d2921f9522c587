"""A table of choices, their values and the reason of each, beside them or, where it is narrow, below them."""

import textwrap
from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from chatclone.safe_text import visible

Row = tuple[str, str, str]
"""What is decided, its value, and why."""
WIDEST_NAME, WIDEST_VALUE = 22, 16
NARROWEST_REASON = 24
INDENT = 4
"""Of a reason that stands below its value, as there is no room beside it."""


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
    room = width - names - values - 4
    is_beside = room >= NARROWEST_REASON
    lines = []
    for name, value, reason in rows:
        first, *rest = textwrap.wrap(visible(reason) if is_beside else "", max(1, room)) or [""]
        head = (f"{name:>{names if is_beside else 0}}", "$foreground 60%"), "  "
        lines.append(Content.assemble(*head, (f"{visible(value):<{values}}", "bold"), "  ", first))
        if is_beside:
            lines += [Content(" " * (names + values + 4) + line) for line in rest]
        else:
            lines += [Content(" " * INDENT + line) for line in textwrap.wrap(visible(reason), width - INDENT)]
    return lines
