"""Terminals with few colours, and people who want none: every state has a word or a sign."""

import io
import re

import pytest
from rich.console import Console
from textual.widgets import Checkbox, OptionList

from chatclone.conversations import ChatStore
from chatclone.tui.screens.conversation_settings import SettingsScreen
from chatclone.tui.themes import FEW_COLOURS
from chatclone.tui.widgets.chat_list import ChatList
from tests.chatclone.tui.stage import app_with, awake, outcomes, quiet, send, until
from tests.fakes import FakeEngine

CHROME = {"ff5f57", "febc2e", "28c840", "c5c8c6"}
"""The window that a picture is drawn in: its buttons and its title."""


def colours(picture: str) -> set[str]:
    """Return all colours of an SVG."""
    return set(re.findall(r"#([0-9a-f]{6})\b", picture.lower())) - CHROME


def underlined_rows(options: OptionList) -> list[bool]:
    """Return for each line of a list whether its words are underlined."""
    strips = [options.render_line(y) for y in range(options.size.height)]
    return [any(segment.style is not None and segment.style.underline for segment in strip) for strip in strips]


class TestNoColour:
    """NO_COLOR."""

    async def test_nothing_is_coloured(self, store: ChatStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every colour that is drawn is a grey."""
        monkeypatch.setenv("NO_COLOR", "1")
        app = app_with(FakeEngine(("hey",)), store)
        async with app.run_test(size=(100, 24)) as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await quiet(pilot)
            found = colours(app.export_screenshot())
            assert len(found) > 2
            assert {colour for colour in found if len({colour[:2], colour[2:4], colour[4:]}) > 1} == set()
            assert app.has_class(FEW_COLOURS)

    async def test_with_colours_there_are_some(self, store: ChatStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """The test above would notice."""
        monkeypatch.delenv("NO_COLOR", raising=False)
        app = app_with(FakeEngine(), store)
        async with app.run_test(size=(100, 24)) as pilot:
            await awake(pilot)
            assert any(len({c[:2], c[2:4], c[4:]}) > 1 for c in colours(app.export_screenshot()))


class TestSixteenColours:
    """TERM=xterm, the Linux console."""

    @pytest.mark.parametrize(("system", "underlines"), [("standard", True), ("truecolor", False)])
    async def test_what_is_highlighted_is_underlined(self, store: ChatStore, system: str, underlines: bool) -> None:
        """Two shades of a dark background are the same black there."""
        for title in ("one", "two"):
            store.create(title)
        app = app_with(FakeEngine(), store)
        app.console = Console(color_system=system, file=io.StringIO(), force_terminal=True)  # type: ignore[arg-type]
        async with app.run_test(size=(100, 24)) as pilot:
            await awake(pilot)
            await pilot.press("ctrl+g")
            chats = app.query_one(ChatList)
            await until(pilot, lambda: chats.has_focus)
            assert app.has_class(FEW_COLOURS) is underlines
            assert any(underlined_rows(chats)) is underlines
            assert not all(underlined_rows(chats))


class TestSigns:
    """No state by colour alone."""

    async def test_every_end_of_a_reply_has_words(self, store: ChatStore) -> None:
        """Failed, stopped, and with nothing said."""
        engine = FakeEngine((RuntimeError("gone"),), ("",), ("a", "b"))
        app = app_with(engine, store)
        async with app.run_test(size=(100, 40)) as pilot:
            await awake(pilot)
            for text in ("one", "two"):
                await send(pilot, text)
                await quiet(pilot)
            assert [outcome.split(":")[0] for outcome in outcomes(app)] == ["failed", "said nothing"]

    async def test_a_box_that_is_on_has_a_sign(self, store: ChatStore) -> None:
        """And none when it is off."""
        app = app_with(FakeEngine(), store)
        async with app.run_test(size=(100, 40)) as pilot:
            await awake(pilot)
            await pilot.press("f3")
            await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
            box = app.screen.query_one("#set-rhythm", Checkbox)
            assert "X" in str(box.render())
            box.toggle()
            await pilot.pause()
            assert "X" not in str(box.render())
