"""The app around a reply: conversations, memory, commands, sizes of terminals, the welcome."""

import subprocess
import sys
from pathlib import Path

import pytest

from chatclone.conversations import ChatStore
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.screens.confirm import ConfirmScreen
from chatclone.tui.screens.help import HelpScreen
from chatclone.tui.screens.welcome import WelcomeScreen
from chatclone.tui.widgets.chat_list import ChatList
from chatclone.tui.widgets.composer import Composer
from chatclone.tui.widgets.memory_panel import MemoryPanel
from chatclone.tui.widgets.message_bubbles import CloneMessage
from tests.chatclone.tui.stage import (
    CAT,
    PORTO,
    app_with,
    awake,
    lines,
    quiet,
    said,
    send,
    shown,
    store_in,
    until,
)
from tests.fakes import FakeEngine


class TestConversations:
    """Conversations are kept and gone through."""

    async def test_they_survive_a_restart(self, tmp_path: Path) -> None:
        """The latest one is open again, with its memory."""
        store = store_in(tmp_path)
        async with app_with(FakeEngine(("hey",)), store, CAT).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await quiet(pilot)
        store.close()
        again = store_in(tmp_path)
        async with app_with(FakeEngine(), again).run_test() as pilot:
            await awake(pilot)
            assert lines(pilot.app) == ["hi", "hey"]
            assert len(pilot.app.query("#memory .hit")) == 1
        again.close()

    async def test_a_new_one_and_back_by_the_list(self, store: ChatStore) -> None:
        """Ctrl+N begins one that the clone sees nothing of; the list goes back."""
        engine = FakeEngine(("one",), ("two",))
        async with app_with(engine, store).run_test(size=(120, 30)) as pilot:
            await awake(pilot)
            await send(pilot, "first")
            await quiet(pilot)
            await pilot.press("ctrl+n")
            assert lines(pilot.app) == []
            await send(pilot, "second")
            await quiet(pilot)
            assert [m.content for m in engine.prompts[1].messages[1:]] == ["second"]
            assert pilot.app.query_one(ChatList).option_count == 2
            await pilot.press("ctrl+g", "down", "enter")
            assert lines(pilot.app) == ["first", "one"]
            assert pilot.app.query_one(Composer).has_focus

    async def test_a_reply_goes_on_while_another_conversation_is_read(self, store: ChatStore) -> None:
        """Going back shows what it has become."""
        engine = FakeEngine(("he", "y"), hold=True)
        async with app_with(engine, store).run_test(size=(120, 30)) as pilot:
            screen = await awake(pilot)
            await send(pilot, "hi")
            engine.release()
            await until(pilot, lambda: lines(pilot.app) == ["hi", "he"])
            await pilot.press("ctrl+n")
            engine.release()
            await until(pilot, lambda: screen.replies.current is None)
            assert lines(pilot.app) == []
            await pilot.press("ctrl+g", "home", "enter")
            assert lines(pilot.app) == ["hi", "hey"]

    async def test_strength_by_slash(self, store: ChatStore) -> None:
        """A slash command sets how much of the adapter is applied."""
        engine = FakeEngine()
        async with app_with(engine, store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "/strength 0.5")
            await pilot.pause()
            assert engine.strength == 0.5

    async def test_rename_by_slash(self, store: ChatStore) -> None:
        """The title changes; nothing is sent."""
        store.add(store.create("hi").id, "user", "hi")
        async with app_with(FakeEngine(), store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "/rename the cat talk")
            assert store.conversations()[0].title == "the cat talk"
            assert lines(pilot.app) == ["hi"]

    @pytest.mark.parametrize(("key", "left"), [("y", 0), ("n", 1), ("escape", 1)])
    async def test_delete_asks_first(self, store: ChatStore, key: str, left: int) -> None:
        """Only a yes deletes."""
        store.add(store.create("hi").id, "user", "hi")
        async with app_with(FakeEngine(), store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "/delete")
            await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(pilot.app.screen, ConfirmScreen))
            assert len(store.conversations()) == left


class TestMemory:
    """What a reply was given is shown beside it."""

    async def test_f2_shows_the_memory_of_the_last_reply(self, store: ChatStore) -> None:
        """With date, people, chat and score."""
        async with app_with(FakeEngine(("hey",)), store, CAT, PORTO).run_test(size=(120, 30)) as pilot:
            await awake(pilot)
            panel = pilot.app.query_one(MemoryPanel)
            assert panel.region.width == 0
            await pilot.press("f2")
            assert panel.region.width > 30
            await send(pilot, "cat?")
            await quiet(pilot)
            card, other = (str(hit.render()) for hit in panel.query(".hit"))
            assert card == "14 Nov 2023  0.83\nMira, Anna · Anna\nMira: i adopted a cat!!\nAnna: omg pics"
            assert "Mum" in other
            assert shown(pilot.app, "#memory .about") == "given to “hey”"
            await pilot.press("f2")
            assert panel.region.width == 0

    async def test_a_click_on_an_older_reply_shows_its_memory(self, store: ChatStore) -> None:
        """Every reply keeps its own."""
        async with app_with(FakeEngine(("one",)), store, CAT).run_test(size=(120, 30)) as pilot:
            await awake(pilot)
            await send(pilot, "a")
            await quiet(pilot)
            await pilot.press("f2")
            screen = await awake(pilot)
            assert screen.replies.clone is not None
            screen.replies.clone.memory = None
            await send(pilot, "b")
            await quiet(pilot)
            assert shown(pilot.app, "#memory .about") == "Nothing was found for this reply."
            await pilot.click(pilot.app.query(CloneMessage).first())
            await until(pilot, lambda: len(pilot.app.query("#memory .hit")) == 1)


class TestCommands:
    """Keys, slash commands and the palette do the same."""

    async def test_copy_takes_the_raw_text_of_the_last_reply(self, store: ChatStore) -> None:
        """Lines and all."""
        async with app_with(FakeEngine(("a\n[b]",)), store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await quiet(pilot)
            await pilot.press("ctrl+o")
            assert pilot.app.clipboard == "a\n[b]"

    async def test_f1_shows_help_and_esc_closes_it(self, store: ChatStore) -> None:
        """So does /help."""
        async with app_with(FakeEngine(), store).run_test() as pilot:
            await awake(pilot)
            await pilot.press("f1")
            assert isinstance(pilot.app.screen, HelpScreen)
            await pilot.press("escape")
            await send(pilot, "/help")
            assert isinstance(pilot.app.screen, HelpScreen)

    async def test_an_unknown_command_is_not_sent(self, store: ChatStore) -> None:
        """A message that begins with a slash is written with two."""
        engine = FakeEngine()
        async with app_with(engine, store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "/nwe")
            assert store.conversations() == []
            await send(pilot, "//nwe")
            await quiet(pilot)
            assert said(store)[0] == ("/nwe", "done")

    async def test_the_palette_holds_every_command(self, store: ChatStore) -> None:
        """Those of the chat only where the chat is."""
        async with app_with(FakeEngine(), store).run_test() as pilot:
            await awake(pilot)
            titles = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
            assert {"New chat", "Again", "Memory", "Delete", "Search", "Compare", "Help", "Quit", "Theme"} <= titles


class TestPlace:
    """The app fits its terminal, and starts without a persona."""

    async def test_the_list_hides_in_a_narrow_terminal(self, store: ChatStore) -> None:
        """Ctrl+G brings it over the chat, Esc takes it away."""
        store.add(store.create("hi").id, "user", "hi")
        async with app_with(FakeEngine(), store).run_test(size=(60, 20)) as pilot:
            await awake(pilot)
            chats = pilot.app.query_one(ChatList)
            assert not chats.region
            await pilot.press("ctrl+g")
            assert chats.region.width > 20
            await pilot.press("escape")
            assert not chats.region
            assert pilot.app.query_one(Composer).region.width > 50

    async def test_without_a_persona_there_is_a_welcome(self) -> None:
        """It says what this is, and Ctrl+Q leaves."""
        app = ChatcloneApp(None)
        async with app.run_test() as pilot:
            assert isinstance(app.screen, WelcomeScreen)
            text = str(app.screen.query_one("#welcome Static").render())
            assert "Nothing you import leaves this computer." in text
            await pilot.press("ctrl+q")

    def test_importing_the_app_loads_no_model_library(self) -> None:
        """The first paint waits for nothing heavy."""
        heavy = "torch transformers llama_cpp faiss sentence_transformers trl peft numpy"
        code = f"import sys, chatclone.tui.app; print(*set({heavy!r}.split()) & set(sys.modules))"
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout.strip()) == (0, ""), result.stderr
