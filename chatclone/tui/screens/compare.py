"""Two replies to the same question side by side: the base alone, and with the adapter."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from chatclone.conversations import StoredMessage
from chatclone.i18n.translate import tr, trn
from chatclone.safe_text import visible
from chatclone.tui.commands.set_command import SIDES


class CompareScreen(ModalScreen[int | None]):
    """Fills while both are written; the answer is the side to keep, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "keep(0)", "Keep the first", id="compare.first", show=False),
        Binding("2", "keep(1)", "Keep the second", id="compare.second", show=False),
        Binding("escape", "dismiss", "Keep what was there", id="compare.none", show=False),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._clone_name = name
        self._done = [False, False]
        self._latest: dict[int, StoredMessage] = {}

    def compose(self) -> ComposeResult:
        """Build both sides."""
        with Vertical(id="compare") as box:
            box.border_title = tr("Compare")
            box.border_subtitle = tr("1 or 2 keeps that one · Esc keeps what was there")
            with Horizontal():
                for number, title in enumerate(SIDES):
                    with VerticalScroll(classes="side") as side:
                        side.border_title = tr(title)
                        yield Static(tr("waiting…") if number else tr("typing…"), id=f"side-{number}", markup=False)
                        yield Static(id=f"pace-{number}", classes="pace", markup=False)
            with Horizontal(classes="answers"):
                for number in (0, 1):
                    yield Button(
                        tr("Keep {number}", number=number + 1), id=f"keep-{number}", compact=True, disabled=True
                    )

    def on_mount(self) -> None:
        """Show what was written before there was a place for it."""
        for side, reply in list(self._latest.items()):
            self.show(side, reply)

    def show(self, side: int, reply: StoredMessage) -> None:
        """Show what one side has so far, and how fast it was once it is whole."""
        if side > 1:
            return
        self._latest[side] = reply
        if not self.query(f"#pace-{side}"):  # it is not composed yet, or gone
            return
        failed = str(reply.stats.get("error", "")) if reply.state == "failed" else ""
        nothing = tr("typing…") if reply.state == "writing" else tr("said nothing")
        text = visible("\n".join(reply.bubbles) or failed or nothing)
        self.query_one(f"#side-{side}", Static).update(text)
        if reply.state != "writing":
            self._done[side] = True
            self.query_one(f"#pace-{side}", Static).update(_pace(reply))
        if all(self._done):
            for button in self.query(Button):
                button.disabled = False

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Keep a side by its button."""
        self.action_keep(int((event.button.id or "keep-0")[-1]))

    def action_keep(self, side: int) -> None:
        """Keep a side, once both are whole."""
        if all(self._done):
            self.dismiss(side)


def _pace(reply: StoredMessage) -> str:
    """Return how long a reply is and how fast it came."""
    tokens, speed = reply.stats.get("reply_tokens", 0), reply.stats.get("tokens_per_second", 0.0)
    length = trn("{count} token", "{count} tokens", tokens)
    return f"{length} · {tr('{speed:.0f} tokens/s', speed=speed)}" if speed else length
