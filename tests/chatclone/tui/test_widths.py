"""What is too long for its place is cut with an ellipsis where it must stay one line; what stands beside it stays."""

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.widget import Widget

from chatclone.conversations import ChatStore
from chatclone.personas.persona import Persona
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.widgets.chat_list import ChatList
from chatclone.tui.widgets.message_bubbles import Versions
from chatclone.tui.widgets.settings_table import Reasons
from tests.chatclone.tui.stage import NOW, awake, quiet, send, until
from tests.fakes import FakeEngine, fake_clone

LONG = "Mira Wilhelmina Featherstonehaugh-Cholmondeley of the Upper Meadows, the younger one"


def painted(widget: Widget) -> list[str]:
    """Return a widget's lines as they are on the screen, but blank ones and its side padding."""
    region = Region(0, 0, *widget.outer_size)
    return [text for strip in widget.render_lines(region) if (text := strip.text.strip())]


class Table(App[None]):
    """A table of two rows and nothing else."""

    def compose(self) -> ComposeResult:
        """Build it."""
        reason = "a few thousand replies never fill it; memorisation grows with rank"
        yield Reasons([("evaluations per epoch", "4", reason), ("max length", "512", "")])


@pytest.mark.parametrize(("width", "most"), [(80, 3), (56, 4), (30, 6)])
async def test_reasons_fit_into_any_width(width: int, most: int) -> None:
    """Beside what they are of, or below it where that would leave them no room; no line is wrapped a second time."""
    app = Table()
    async with app.run_test(size=(width, 12)) as pilot:
        await pilot.pause()
        table = app.query_one(Reasons)
        assert all(len(line) <= width for line in str(table.content).split("\n"))
        lines = painted(table)
        assert len(lines) == len(str(table.content).split("\n")) <= most
        assert " ".join(" ".join(lines).split()).count("memorisation grows with rank") == 1
        assert lines[-1].split() == ["max", "length", "512"]


async def test_long_names_and_titles_are_cut_in_one_line(store: ChatStore) -> None:
    """The state beside a name, the time below a title and the versions beside a heading are all there."""
    clone = fake_clone(FakeEngine(("one",), ("two",)), name=LONG)
    persona = Persona(Path("no-folder"), LONG)
    app = ChatcloneApp(persona, lambda: (clone, ""), store, clock=lambda: NOW)
    app.animation_level = "none"
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await awake(pilot)
        await send(pilot, "hi")
        await quiet(pilot)
        await pilot.press("ctrl+r")
        await quiet(pilot)
        await until(pilot, lambda: bool(screen.query(Versions)))
        (name,) = painted(screen.query_one("#title .name"))
        assert name.endswith("…") and name.startswith("Mira Wilhelmina")
        assert painted(screen.query_one("#title .state")) == ["awake"]
        (sender,) = painted(screen.query_one("CloneMessage .sender"))
        assert sender.endswith("…")
        assert painted(screen.query_one(Versions)) == ["‹2/2›"]
        await send(pilot, f"/rename {LONG}")
        await pilot.resize_terminal(100, 30)
        (chats,) = screen.query(ChatList)
        await until(pilot, lambda: painted(chats)[1:] == ["10:30"])
        assert painted(chats)[0].endswith("…")
