"""The welcome: every path leads on, and nothing is loaded before somebody goes there."""

import subprocess
import sys
from pathlib import Path

import pytest

from chatclone.tui import screens
from chatclone.tui.screens.help import HelpScreen
from chatclone.tui.screens.welcome import WelcomeScreen
from chatclone.tui.services.menu import PLACES, places_for
from tests.chatclone.tui.pages import Rooms, app_on, on_page, persona_in, text_of, until_shown

TUI = Path(screens.__file__).parents[1]
HEAVY = "torch transformers llama_cpp faiss sentence_transformers trl peft numpy plotext textual_plotext"


class TestWelcome:
    """Without a persona."""

    async def test_it_says_what_this_is_and_leads_on(self, tmp_path: Path) -> None:
        """Three choices and the way out; no place that needs a persona."""
        app = app_on(tmp_path, Rooms())
        async with app.run_test() as pilot:
            assert isinstance(app.screen, WelcomeScreen)
            assert "runs on your own computer" in text_of(app)
            assert [place.id for place in places_for(None)] == ["import", "demo", "help", "quit"]
            await pilot.press("enter")
            await on_page(pilot, "Import chats")
            await pilot.press("escape")
            await until_shown(pilot, lambda: isinstance(app.screen, WelcomeScreen))
            await pilot.press("down", "down", "enter")
            await until_shown(pilot, lambda: isinstance(app.screen, HelpScreen))

    @pytest.mark.parametrize("place", [p for p in PLACES if p.id in ("train", "export", "chat")], ids=lambda p: p.id)
    async def test_an_action_that_needs_a_persona_leads_to_import(self, tmp_path: Path, place: object) -> None:
        """Such as /train from the palette; there is no dead end."""
        app = app_on(tmp_path, Rooms())
        async with app.run_test() as pilot:
            await app.run_action(getattr(place, "action"))  # noqa: B009 - parametrised as an object
            await on_page(pilot, "Import chats")

    def test_a_place_opens_when_its_time_has_come(self, tmp_path: Path) -> None:
        """Training after an import, an export after a training."""
        untrained, trained = persona_in(tmp_path), persona_in(tmp_path, adapter="runs/1/adapter")
        assert {p.id for p in places_for(untrained)} == {"chat", "train", "import", "demo", "help", "quit"}
        assert {p.id for p in places_for(trained)} == {place.id for place in PLACES}

    async def test_the_menu_comes_over_the_chat_and_goes(self, tmp_path: Path) -> None:
        """By its action; Esc goes back to the chat, and a click goes to a place."""
        app = app_on(tmp_path, Rooms(), persona_in(tmp_path))
        async with app.run_test(size=(60, 20)) as pilot:
            chat = app.screen
            await app.run_action("app.menu")
            await until_shown(pilot, lambda: "not trained yet" in text_of(app))
            await pilot.press("escape")
            assert app.screen is chat
            await app.run_action("app.menu")
            await until_shown(pilot, lambda: isinstance(app.screen, WelcomeScreen))
            await pilot.click("#places", offset=(4, 2))
            await on_page(pilot, "Train")

    def test_the_chat_is_imported_after_the_first_paint(self, tmp_path: Path) -> None:
        """Until then its places stand there, empty; a key that is pressed meanwhile arrives in it."""
        code = f"""
import asyncio, pathlib, sys
from chatclone.personas.persona import Persona
from chatclone.tui.app import CHAT, ChatcloneApp
from chatclone.tui.services.journey import Journey
from chatclone.tui.screens.first_paint import FirstScreen
seen = []
class App(ChatcloneApp):
    CSS_PATH = {str(TUI / "first_paint.tcss")!r}
    def _go_on(self):
        seen.append((type(self.screen).__name__, CHAT in sys.modules, self.screen.query_one("#composer").region.width))
        super()._go_on()
async def paint():
    home = pathlib.Path({str(tmp_path)!r})
    app = App(Persona(home, "Mira"), lambda: 1 / 0, journey=Journey(home))
    async with app.run_test() as pilot:
        while CHAT not in sys.modules or not app.screen.query("#conversation Greeting"):
            await pilot.pause(0.01)
        await pilot.press("h", "i")
        seen.append((type(app.screen).__name__, app.screen.query_one("#composer").text))
    app.opened.close()
asyncio.run(paint())
print(seen)
"""
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert result.stdout.strip() == "[('FirstScreen', False, 76), ('ChatScreen', 'hi')]"

    def test_the_first_paint_loads_no_model_library(self, tmp_path: Path) -> None:
        """Neither the import of the app nor its first screen does."""
        code = f"""
import asyncio, pathlib, sys
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.services.journey import Journey
async def paint():
    async with ChatcloneApp(None, journey=Journey(pathlib.Path({str(tmp_path)!r}))).run_test() as pilot:
        await pilot.pause()
asyncio.run(paint())
print(*set({HEAVY!r}.split()) & set(sys.modules))
"""
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout.strip()) == (0, ""), result.stderr
