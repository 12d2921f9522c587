"""How the app looks: pictures of it with a clock that stands still and nothing that moves."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import Input

from chatclone.conversations import ChatStore
from chatclone.i18n.translate import use
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.screens.confirm import ConfirmScreen
from tests.chatclone.tui.stage import CAT, NOW, PORTO, app_with, awake, lines, send, store_in, until
from tests.fakes import FakeEngine

Snap = Callable[..., bool]
RunBefore = Callable[[Pilot[Any]], Awaitable[None]]

SMALL, LARGE, SMALLEST, LARGEST = (80, 24), (120, 40), (60, 20), (200, 60)
HOUR, DAY = 3600, 86400


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        """Return the time it was set to."""
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    """A store with three conversations, the latest of them over two days."""
    clock = Clock()
    opened = store_in(tmp_path, clock)
    for age, title in ((40 * DAY, "do you still have my bike?"), (3 * DAY, "weekend plans??")):
        clock.now = NOW - age
        chat = opened.create(title).id
        question = opened.add(chat, "user", title)
        opened.add(chat, "assistant", "yesss", parent=question.id)
    clock.now = NOW - DAY
    chat = opened.create("how is Biscuit doing, did he eat?").id
    question = opened.add(chat, "user", "how is Biscuit doing, did he eat?")
    reply = opened.add(chat, "assistant", "he is FINE\nfat and happy\nate half my sandwich 😭", parent=question.id)
    opened.save(replace(reply, memory=(CAT, PORTO)))
    clock.now = NOW - HOUR
    question = opened.add(chat, "user", "and when do we go\nto Porto?", parent=reply.id)
    reply = opened.add(chat, "assistant", "in may!!\ni looked at flights last night and", parent=question.id)
    opened.save(replace(reply, state="cancelled", memory=(PORTO,)))
    clock.now = NOW
    yield opened
    opened.close()


def ready(*keys: str) -> RunBefore:
    """Return what waits for the clone and presses `keys`."""

    async def run(pilot: Pilot[Any]) -> None:
        await awake(pilot)
        await pilot.press(*keys)

    return run


class TestChat:
    """The chat in its sizes."""

    def test_a_conversation_with_memory(self, store: ChatStore, snap_compare: Snap) -> None:
        """Three columns: conversations, bubbles under their days, what the last reply was given."""
        app = app_with(FakeEngine(), store)
        assert snap_compare(app, terminal_size=LARGE, run_before=ready("f2"))

    def test_a_small_terminal_has_the_conversation_alone(self, store: ChatStore, snap_compare: Snap) -> None:
        """The list of conversations is hidden."""
        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALL, run_before=ready())

    def test_the_smallest_terminal_with_the_list_open(self, store: ChatStore, snap_compare: Snap) -> None:
        """It lies over the conversation."""
        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALLEST, run_before=ready("ctrl+g"))

    def test_a_reply_on_its_way(self, store: ChatStore, snap_compare: Snap) -> None:
        """The bubbles so far, the state in words, and the key that stops it."""
        engine = FakeEngine(("ok so\n", "i found ", "a hostel"), hold=True)

        async def run(pilot: Pilot[Any]) -> None:
            await awake(pilot)
            await send(pilot, "tell me")
            engine.release(2)
            await until(pilot, lambda: lines(pilot.app)[-1] == "i found ")

        assert snap_compare(app_with(engine, store), terminal_size=SMALL, run_before=run)

    def test_a_reply_that_failed(self, store: ChatStore, snap_compare: Snap) -> None:
        """What happened stands where the reply would be."""

        async def run(pilot: Pilot[Any]) -> None:
            screen = await awake(pilot)
            await send(pilot, "tell me")
            await until(pilot, lambda: screen.replies.current is None)

        app = app_with(FakeEngine((RuntimeError("the engine is gone"),)), store)
        assert snap_compare(app, terminal_size=SMALL, run_before=run)

    def test_a_new_conversation_in_light(self, store: ChatStore, snap_compare: Snap) -> None:
        """The other theme, and a greeting that says what this is."""

        async def run(pilot: Pilot[Any]) -> None:
            await awake(pilot)
            await pilot.press("ctrl+n")
            pilot.app.theme = "paper"

        assert snap_compare(app_with(FakeEngine(), store), terminal_size=LARGE, run_before=run)


class TestDoing:
    """What is done with messages and conversations."""

    def test_versions_a_chosen_message_and_the_list(self, store: ChatStore, snap_compare: Snap) -> None:
        """‹1/2› at both sides, a bar at the chosen message, a pinned and an unread conversation."""
        (chat, second, third) = (c.id for c in store.conversations())
        messages = store.messages(chat)
        store.edit(messages[2], "when do we go?")
        store.show(messages[2].id)
        store.pin(third)
        store.mark_read(second, read=False)
        keys = ("ctrl+g", "down", "enter", "alt+up", "alt+up")
        assert snap_compare(app_with(FakeEngine(), store), terminal_size=LARGE, run_before=ready(*keys))

    def test_a_search(self, store: ChatStore, snap_compare: Snap) -> None:
        """Hits are marked; who, where and when stand below."""
        app = app_with(FakeEngine(), store)
        assert snap_compare(app, terminal_size=SMALL, run_before=ready("ctrl+f", *"w"))

    def test_the_settings_in_the_smallest_terminal(self, store: ChatStore, snap_compare: Snap) -> None:
        """All of them can be reached."""
        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALLEST, run_before=ready("f3"))

    def test_whom_it_talks_to(self, store: ChatStore, snap_compare: Snap) -> None:
        """Those it knows, a stranger, anybody."""
        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALL, run_before=ready("ctrl+l"))

    def test_a_comparison(self, store: ChatStore, snap_compare: Snap) -> None:
        """Both sides whole."""

        async def run(pilot: Pilot[Any]) -> None:
            screen = await awake(pilot)
            await pilot.press("f6")
            await until(
                pilot, lambda: pilot.app.screen.query("#keep-1") and not pilot.app.screen.query_one("#keep-1").disabled
            )
            await until(pilot, lambda: screen.replies.current is None)

        app = app_with(FakeEngine(("I intend to travel in May.",), ("may!!\ni have the tickets",)), store)
        assert snap_compare(app, terminal_size=SMALL, run_before=run)

    def test_a_message_is_edited(self, store: ChatStore, snap_compare: Snap) -> None:
        """The line where it is written says so."""
        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALL, run_before=ready("f4"))


class TestAround:
    """What lies around the chat."""

    def test_help(self, store: ChatStore, snap_compare: Snap) -> None:
        """All keys and commands fit on the screen."""
        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALL, run_before=ready("f1"))

    def test_welcome(self, snap_compare: Snap) -> None:
        """Without a persona: the two ways to get one."""
        assert snap_compare(ChatcloneApp(None), terminal_size=SMALL)

    def test_deleting_asks_first(self, store: ChatStore, snap_compare: Snap) -> None:
        """What is lost, for how long it comes back, and both answers."""

        async def run(pilot: Pilot[Any]) -> None:
            await awake(pilot)
            await send(pilot, "/delete")
            await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))

        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALL, run_before=run)

    def test_the_palette(self, store: ChatStore, snap_compare: Snap) -> None:
        """Commands by their names, with what they do and their key."""

        async def run(pilot: Pilot[Any]) -> None:
            await awake(pilot)
            await pilot.press("ctrl+p")
            await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
            pilot.app.screen.query_one(Input).cursor_blink = False
            await pilot.press(*"mem")
            await until(pilot, lambda: pilot.app.screen.query_one("CommandList").display)
            await pilot.pause(0.3)

        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALL, run_before=run)


class TestSizes:
    """From the smallest terminal to a large one."""

    def test_the_smallest_with_a_conversation(self, store: ChatStore, snap_compare: Snap) -> None:
        """It has all the room, and the keys that help are still named."""
        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALLEST, run_before=ready())

    def test_the_smallest_with_memory(self, store: ChatStore, snap_compare: Snap) -> None:
        """It lies over the conversation."""
        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALLEST, run_before=ready("f2"))

    def test_the_largest_uses_its_space(self, store: ChatStore, snap_compare: Snap) -> None:
        """Wider columns at both sides, and bubbles no wider than a line is read."""
        app = app_with(FakeEngine(), store)
        assert snap_compare(app, terminal_size=LARGEST, run_before=ready("f2"))


class TestRussian:
    """The longest words so far: nothing is cut off badly."""

    @pytest.fixture(autouse=True)
    def in_russian(self, in_english: None) -> None:
        """Speak it; the fixture before sets it back."""
        use("ru")

    def test_a_conversation(self, store: ChatStore, snap_compare: Snap) -> None:
        """Days, states, and the keys at the bottom."""
        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALL, run_before=ready())

    def test_welcome(self, snap_compare: Snap) -> None:
        """Every place with what it is for."""
        assert snap_compare(ChatcloneApp(None), terminal_size=SMALL)

    def test_the_settings(self, store: ChatStore, snap_compare: Snap) -> None:
        """The labels fit beside their fields."""
        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALL, run_before=ready("f3"))

    def test_help(self, store: ChatStore, snap_compare: Snap) -> None:
        """Descriptions wrap below themselves."""
        assert snap_compare(app_with(FakeEngine(), store), terminal_size=SMALL, run_before=ready("f1"))
