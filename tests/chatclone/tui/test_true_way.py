"""From an import to an adapter, driven through the pages, with the true trainer; export/ has the true converter."""

import time
from collections.abc import Callable
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, Static

from chatclone.chats import ChatStore
from chatclone.clone import Clone
from chatclone.ingest import Request, ingest
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.journey import Journey
from tests import exports
from tests.chatclone.tui.way import offered, page_heading, text_of
from tests.fakes import FakeEngine, fake_clone

PATIENCE_SECONDS = 150
"""How long a true training of a tiny model may take on a busy machine."""


def no_model() -> tuple[Clone, str]:
    """Open a clone that says ok: what is chatted with does not matter here."""
    return fake_clone(FakeEngine()), ""


async def until_done(pilot: Pilot[None], app: App[None], happened: Callable[[], object]) -> None:
    """Wait for work of another process, until the page complains."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        wrong = time.monotonic() > end or any(
            problem.display for problem in app.screen.query("#problem").results(Static)
        )
        assert not wrong, f"never; on the screen: {text_of(app)}"
        await pilot.pause(0.2)


async def test_training(tmp_path: Path, tiny_folders: tuple[Path, Path]) -> None:
    """Plan, go, the verdict; the persona has the adapter then."""
    home = tmp_path / "home"
    done = ingest(Request([exports.small_export(tmp_path / "in", pairs=60)]), home)
    assert done.persona is not None
    persona = done.persona.with_(base=str(tiny_folders[0]))
    store = ChatStore.open(persona.chats_file)
    journey = Journey(home, start=home)
    app = ChatcloneApp(persona, no_model, store, journey=journey)
    app.animation_level = "none"
    async with app.run_test(size=(100, 40)) as pilot:
        await app.run_action("app.train")
        await until_done(pilot, app, lambda: page_heading(app) == "Train" and "go" in offered(app))
        app.screen.query_one(
            "#changes", Input
        ).value = "epochs=1 minimum_steps=4 evaluations_per_epoch=1 rank=4 memory_share=0"
        await until_done(pilot, app, lambda: "go" in offered(app) and "set by you" in text_of(app))
        await pilot.press("enter")
        await until_done(pilot, app, lambda: page_heading(app) == "Trained")
        assert offered(app) == ["chat", "export", "again"]
        trained = journey.refresh()
        assert trained is not None
        assert trained.adapter.startswith("runs/")
    store.close()
