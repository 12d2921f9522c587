"""The app on a stage: a persona, a store, a fake engine, a clock that stands still, and a pilot who waits."""

from collections.abc import Callable
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Static

from chatclone.clone.clone import Clone
from chatclone.conversations import ChatStore
from chatclone.personas.persona import Persona
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.screens.chat import ChatScreen
from chatclone.tui.widgets.composer import Composer
from chatclone.tui.widgets.message_bubbles import Bubble, CloneMessage
from memory.search.recall import Hit
from tests.fakes import FakeEngine, fake_clone

NOW = 1_795_257_000
"""Saturday 21 November 2026, 10:30 in UTC."""
CAT = Hit(1, 1_700_000_000, "Mira, Anna", "2023-11-14 Mira: i adopted a cat!!\n2023-11-14 Anna: omg pics", 0.83, "Anna")
PORTO = Hit(2, 1_710_000_000, "Mum", "2024-03-09 Mum: when do you come to Porto?", 0.41, "Mum")
PATIENCE = 1000
"""How often a pilot looks before giving up; each look takes about 10 ms."""


def store_in(folder: Path, clock: Callable[[], float] = lambda: NOW) -> ChatStore:
    """Open the store of the stage."""
    return ChatStore.open(folder / "chats.sqlite", clock)


def app_with(
    engine: FakeEngine, store: ChatStore, *hits: Hit, wake: Callable[[], tuple[Clone, str]] | None = None
) -> ChatcloneApp:
    """Return the app on a clone that writes with `engine`; nothing in it moves by itself."""
    persona = Persona(Path("no-folder"), "Mira")
    app = ChatcloneApp(persona, wake or (lambda: (fake_clone(engine, *hits), "")), store, clock=lambda: NOW)
    app.animation_level = "none"
    return app


async def until(pilot: Pilot[None], happened: Callable[[], object]) -> None:
    """Wait until `happened` is true; the number of looks is bounded, so that a test cannot hang."""
    for _ in range(PATIENCE):
        if happened():
            await pilot.pause()
            return
        await pilot.pause(0.01)
    raise AssertionError("it never happened; on the screen: " + " | ".join(lines(pilot.app)))


async def awake(pilot: Pilot[None]) -> ChatScreen:
    """Wait until the clone is loaded and return the chat."""
    await until(pilot, lambda: chat(pilot.app).replies.clone is not None)
    return chat(pilot.app)


async def send(pilot: Pilot[None], text: str) -> None:
    """Write a message and press Enter."""
    composer = pilot.app.query_one(Composer)
    composer.insert(text)
    await pilot.press("enter")
    await pilot.pause()


async def quiet(pilot: Pilot[None]) -> None:
    """Wait until no reply is being written or waited for."""
    screen = chat(pilot.app)
    await until(pilot, lambda: screen.replies.current is None)


def chat(app: App[None]) -> ChatScreen:
    """Return the chat screen, which may be below a dialogue."""
    (screen,) = (screen for screen in app.screen_stack if isinstance(screen, ChatScreen))
    return screen


def lines(app: App[None]) -> list[str]:
    """Return all bubbles from top to bottom."""
    return [bubble.text for bubble in chat(app).query(Bubble)]


def outcomes(app: App[None]) -> list[str]:
    """Return what is said below the clone's messages, where something is."""
    found = (line for row in chat(app).query(CloneMessage) for line in row.query(".outcome").results(Static))
    return [str(outcome.content) for outcome in found if outcome.display]


def shown(app: App[None], selector: str) -> str:
    """Return the text of a line."""
    return str(chat(app).query_one(selector, Static).content)


def said(store: ChatStore) -> list[tuple[str, str]]:
    """Return text and state of all messages of the latest conversation, as they are saved."""
    return [(m.text, m.state) for m in store.messages(store.conversations()[0].id)]
