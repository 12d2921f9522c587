"""A picture of the running app, for the README and the docs: the real program, driven without a terminal."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from textual.pilot import Pilot

from chatclone.conversations import ChatStore
from chatclone.personas.persona import Persona
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.screens.chat import ChatScreen
from chatclone.tui.services.open_personas import CloneFactory
from chatclone.tui.widgets.composer import Composer


def save_picture(
    persona: Persona,
    open_clone: CloneFactory,
    store: ChatStore,
    messages: Sequence[str],
    path: Path,
    *,
    size: tuple[int, int] = (120, 36),
    clock: Callable[[], float] = time.time,
) -> None:
    """Send `messages` one after another, wait for each reply, and save the screen with the memory panel as an SVG."""
    app = ChatcloneApp(persona, open_clone, store, clock=clock)
    app.animation_level = "none"
    asyncio.run(_pose(app, messages, path, size))


async def _pose(app: ChatcloneApp, messages: Sequence[str], path: Path, size: tuple[int, int]) -> None:
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, ChatScreen)
        while screen.replies.clone is None:
            await pilot.pause(0.05)
        await pilot.press("f2")
        for text in messages:
            await _say(pilot, screen, text)
        path.write_text(app.export_screenshot(), "utf-8")


async def _say(pilot: Pilot[None], screen: ChatScreen, text: str) -> None:
    """Send a message and wait until its reply is whole."""
    screen.query_one(Composer).insert(text)
    await pilot.press("enter")
    await pilot.pause()
    while screen.replies.current is not None:
        await pilot.pause(0.05)
    await pilot.pause()
