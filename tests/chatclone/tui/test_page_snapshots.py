"""How the way from an export to a clone looks: fake rooms, a clock that stands still and nothing that moves."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from chatclone.tui.screens.choose_model import ModelScreen
from tests import exports
from tests.chatclone.tui.pages import Rooms, app_on, offered, on_page, persona_in, text_of, until_shown
from tests.chatclone.tui.services.test_model_choices import file, run_in
from tests.chatclone.tui.stage import awake, send, until

Snap = Callable[..., bool]
RunBefore = Callable[[Pilot[Any]], Awaitable[None]]
SMALL, LARGE, SMALLEST = (80, 24), (120, 40), (60, 20)


def test_welcome(tmp_path: Path, snap_compare: Snap) -> None:
    """What this is in three lines, and the places that are open."""
    assert snap_compare(app_on(tmp_path, Rooms()), terminal_size=SMALL)


def test_choosing_an_export_in_the_smallest_terminal(
    tmp_path: Path, snap_compare: Snap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The field, the tree and the options have their room."""
    monkeypatch.chdir(tmp_path)
    for name in ("result.json", "chats.zip"):
        (tmp_path / name).touch()
    app = app_on(Path("."), Rooms())

    async def run(pilot: Pilot[Any]) -> None:
        await app.run_action("app.import")
        await on_page(pilot, "Import chats")
        await until_shown(pilot, lambda: len(app.screen.query_one("#tree").root.children) == 2)  # type: ignore[attr-defined]
        app.screen.query_one("#path", Input).cursor_blink = False

    assert snap_compare(app, terminal_size=SMALLEST, run_before=run)


def test_imported(tmp_path: Path, snap_compare: Snap) -> None:
    """The waterfall with bars; below it samples with the trained part marked."""
    export = exports.small_export(tmp_path / "in")
    app = app_on(tmp_path / "home", Rooms())

    async def run(pilot: Pilot[Any]) -> None:
        await app.run_action("app.import")
        await on_page(pilot, "Import chats")
        app.screen.query_one("#path", Input).value = str(export)
        await pilot.press("enter")
        await on_page(pilot, "Imported")
        await until_shown(pilot, lambda: "█" in text_of(app))

    assert snap_compare(app, terminal_size=LARGE, run_before=run)


def test_the_plan_of_a_training(tmp_path: Path, snap_compare: Snap) -> None:
    """Choices above, every setting with its reason below."""
    app = app_on(tmp_path, Rooms(), persona_in(tmp_path))

    async def run(pilot: Pilot[Any]) -> None:
        await app.run_action("app.train")
        await on_page(pilot, "Train")
        await until_shown(pilot, lambda: "a tiny base" in text_of(app))

    assert snap_compare(app, terminal_size=SMALL, run_before=run)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_a_training_half_way(tmp_path: Path, snap_compare: Snap, size: tuple[int, int]) -> None:
    """Bar, time left, figures and both curves."""
    rooms = Rooms()
    app = app_on(tmp_path, rooms, persona_in(tmp_path))

    async def run(pilot: Pilot[Any]) -> None:
        await app.run_action("app.train")
        await on_page(pilot, "Train")
        await pilot.press("enter")
        await on_page(pilot, "Training")
        await until_shown(pilot, lambda: "step 50 of 100" in text_of(app))
        await until_shown(pilot, lambda: app.screen.query("#curves.-drawn"))

    try:
        assert snap_compare(app, terminal_size=size, run_before=run)
    finally:
        rooms.gate.set()


def test_what_to_export(tmp_path: Path, snap_compare: Snap) -> None:
    """Kinds and weights with their sizes, and why."""
    app = app_on(tmp_path, Rooms(), persona_in(tmp_path, adapter="runs/1/adapter"))

    async def run(pilot: Pilot[Any]) -> None:
        await app.run_action("app.export")
        await until_shown(pilot, lambda: offered(app) == ["go"])

    assert snap_compare(app, terminal_size=SMALL, run_before=run)


def test_which_model_answers(tmp_path: Path, snap_compare: Snap) -> None:
    """Runs and files, each with its size and date; a dot at the one that answers now."""
    persona = persona_in(tmp_path, adapter="runs/2026-11-21-1/adapter")
    for run_name in ("2026-11-21-1", "2026-11-20-1"):
        run_in(persona, run_name)
    file(persona.models_folder / "mira-q8_0.gguf", 640_000_000)
    app = app_on(tmp_path, Rooms(), persona)

    async def run(pilot: Pilot[Any]) -> None:
        await awake(pilot)
        await send(pilot, "/model")
        await until(pilot, lambda: isinstance(app.screen, ModelScreen))

    assert snap_compare(app, terminal_size=SMALL, run_before=run)


def test_exported(tmp_path: Path, snap_compare: Snap) -> None:
    """Where the files are, and how equal they answer."""
    rooms = Rooms()
    rooms.gate.set()
    app = app_on(tmp_path, rooms, persona_in(tmp_path, adapter="runs/1/adapter"))

    async def run(pilot: Pilot[Any]) -> None:
        await app.run_action("app.export")
        await until_shown(pilot, lambda: offered(app) == ["go"])
        await pilot.press("enter")
        await on_page(pilot, "Exported")

    assert snap_compare(app, terminal_size=SMALL, run_before=run)
