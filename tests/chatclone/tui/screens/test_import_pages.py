"""Importing in the app: choosing, reading, questions, the account of it, and what goes wrong."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList, Static

from chatclone.errors import ChatcloneError
from chatclone.ingest.import_run import Ingested, Request
from chatclone.ingest.ownership import Asking
from chatclone.personas import persona as personas
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.screens.choose_person import AgreedScreen, WhoScreen
from chatclone.tui.services.dropped_paths import read_paths
from chatclone.tui.services.journey import Journey
from chatclone.tui.services.sample_lines import shown_samples
from chatclone.tui.services.work import Told
from chatclone.tui.widgets.export_file_tree import ExportTree
from tests import exports
from tests.chatclone.tui.pages import Rooms, app_on, on_page, page_heading, text_of, until_shown
from tests.chatclone.tui.stage import NOW

Importer = Callable[[Request, Path, Asking, Told], Ingested]


def app_importing(home: Path, importer: Importer) -> ChatcloneApp:
    """Return the app with a fake import."""
    journey = Journey(home, work=replace(Rooms().work(), import_exports=importer), start=home)
    app = ChatcloneApp(None, journey=journey, clock=lambda: NOW)
    app.animation_level = "none"
    return app


def nameless_export(folder: Path) -> Path:
    """Write a group's export, which does not say whose it is."""
    messages = exports.conversation(30)
    return exports.write(folder, {"name": "Knitting", "type": "private_group", "id": 9, "messages": messages})


class TestTrueImport:
    """From a file to a persona on disk, through every page."""

    async def test_an_export_becomes_a_persona(self, tmp_path: Path) -> None:
        """A pasted path in quotes; then the waterfall, samples with the trained part marked, and the way to train."""
        export = exports.small_export(tmp_path / "my export")
        app = app_on(tmp_path / "home", Rooms())
        async with app.run_test(size=(100, 50)) as pilot:
            await app.run_action("app.import")
            await on_page(pilot, "Import chats")
            app.screen.query_one("#path", Input).value = f"'{export}'"
            await pilot.press("enter")
            await on_page(pilot, "Imported")
            text = text_of(app)
            assert "You are Mira Halloran: the export says so." in text
            assert "120 messages read" in text
            await until_shown(pilot, lambda: "█" in str(app.screen.query_one(".waterfall", Static).content))
            assert "▌ Mira Halloran: " in text
            (persona,) = personas.list_all(tmp_path / "home")
            assert persona.name == "Mira Halloran"
            report = json.loads((persona.dataset_folder / "report.json").read_text("utf-8"))
            assert f"{report['import']['replies']['trained']} replies of Mira Halloran to learn from" in text
            await pilot.press("enter")
            await on_page(pilot, "Train")

    async def test_who_is_me_is_asked_where_nobody_can_know(self, tmp_path: Path) -> None:
        """Names with counts, narrowed by a part of a name."""
        export = nameless_export(tmp_path / "in")
        app = app_on(tmp_path / "home", Rooms())
        async with app.run_test(size=(60, 20)) as pilot:
            await app.run_action("app.import")
            await on_page(pilot, "Import chats")
            app.screen.query_one("#path", Input).value = str(export)
            await pilot.press("enter")
            await until_shown(pilot, lambda: isinstance(app.screen, WhoScreen))
            people = app.screen.query_one("#people", OptionList)
            await until_shown(pilot, lambda: people.option_count == 2)
            assert "30 messages" in str(people.get_option_at_index(0).prompt)
            app.screen.query_one("#narrow", Input).value = "theo"
            await until_shown(pilot, lambda: people.option_count == 1)
            await pilot.press("enter")
            await on_page(pilot, "Imported")
            assert "You are Theo Marsh: you said so." in text_of(app)

    async def test_nobody_of_them_leads_back_with_the_reason(self, tmp_path: Path) -> None:
        """The path is still there, and nothing was made."""
        export = nameless_export(tmp_path / "in")
        app = app_on(tmp_path / "home", Rooms())
        async with app.run_test() as pilot:
            await app.run_action("app.import")
            await on_page(pilot, "Import chats")
            app.screen.query_one("#path", Input).value = str(export)
            await pilot.press("enter")
            await until_shown(pilot, lambda: isinstance(app.screen, WhoScreen))
            await pilot.press("escape")
            await on_page(pilot, "Import chats")
            await until_shown(pilot, lambda: "error: the export does not say who you are" in text_of(app))
            assert read_paths(app.screen.query_one("#path", Input).value) == [export]
            assert personas.list_all(tmp_path / "home") == []

    @pytest.mark.parametrize(("key", "made"), [("y", 1), ("n", 0)])
    async def test_somebody_else_is_cloned_with_their_consent(self, tmp_path: Path, key: str, made: int) -> None:
        """A yes is kept in the persona; a no ends the import."""
        export = exports.small_export(tmp_path / "in")
        app = app_on(tmp_path / "home", Rooms())
        async with app.run_test() as pilot:
            await app.run_action("app.import")
            await on_page(pilot, "Import chats")
            app.screen.query_one("#path", Input).value = str(export)
            app.screen.query_one("#clone-of", Input).value = "Theo Marsh"
            await pilot.press("enter")
            await until_shown(pilot, lambda: isinstance(app.screen, AgreedScreen))
            await pilot.press(key)
            await on_page(pilot, "Imported" if made else "Import chats")
            found = personas.list_all(tmp_path / "home")
            assert len(found) == made
            if made:
                assert found[0].consent.startswith("Theo Marsh agreed to be cloned")
            else:
                assert "did not agree" in text_of(app)
                assert app.screen.query_one("#clone-of", Input).value == "Theo Marsh"

    async def test_the_demo_is_imported_into_a_home_of_its_own(self, tmp_path: Path) -> None:
        """With its own preset; a second visit goes on from there."""
        rooms = Rooms()
        app = app_on(tmp_path, rooms)
        async with app.run_test() as pilot:
            await app.run_action("app.demo")
            await on_page(pilot, "Imported")
            (persona,) = personas.list_all(tmp_path / "demo")
            assert personas.list_all(tmp_path) == []
            assert persona.sampling.temperature == 0.5
            await pilot.press("escape")
            await app.run_action("app.demo")
            await on_page(pilot, "Train")
            assert rooms.planned[-1] == ("starter", "demo", {})


class TestGoingWrong:
    """What fails is said where one is, and can be mended there."""

    @pytest.mark.parametrize(("typed", "error"), [("", "no export is chosen"), ("/no/such", "does not exist")])
    async def test_a_path_that_leads_nowhere(self, tmp_path: Path, typed: str, error: str) -> None:
        """Two lines: what, and what to try."""
        app = app_on(tmp_path, Rooms())
        async with app.run_test() as pilot:
            await app.run_action("app.import")
            await on_page(pilot, "Import chats")
            app.screen.query_one("#path", Input).value = typed
            await pilot.click("#begin")
            await until_shown(pilot, lambda: error in text_of(app))
            assert "try: " in text_of(app)
            assert page_heading(app) == "Import chats"

    async def test_a_file_that_is_no_export(self, tmp_path: Path) -> None:
        """The import's own words, with the path kept."""
        (tmp_path / "notes.json").write_text("shopping", "utf-8")
        app = app_on(tmp_path / "home", Rooms())
        async with app.run_test() as pilot:
            await app.run_action("app.import")
            await on_page(pilot, "Import chats")
            app.screen.query_one("#path", Input).value = str(tmp_path / "notes.json")
            await pilot.press("enter")
            await until_shown(pilot, lambda: "notes.json is not JSON" in text_of(app))
            assert not list((tmp_path / "home").rglob("persona.toml"))

    async def test_a_bug_is_told_and_logged_without_words_of_people(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The app goes on."""

        def broken(request: Request, home: Path, asking: Asking, told: Told) -> Ingested:
            raise RuntimeError(f"mum said {request.filter}")

        app = app_importing(tmp_path, broken)
        async with app.run_test() as pilot:
            await app.run_action("app.import")
            await on_page(pilot, "Import chats")
            app.screen.query_one("#path", Input).value = str(tmp_path)
            await pilot.press("enter")
            await until_shown(pilot, lambda: "error: RuntimeError" in text_of(app))
            assert "mum said balanced" not in caplog.text

    @pytest.mark.parametrize("way", ["escape", "button", "leave"])
    async def test_a_long_one_tells_how_far_it_is_and_can_be_stopped(self, tmp_path: Path, way: str) -> None:
        """By Esc, by the button, or by leaving the app; the thread ends at its next report."""
        ended, begun, go = threading.Event(), threading.Event(), threading.Event()

        def long(request: Request, home: Path, asking: Asking, told: Told) -> Ingested:
            try:
                told("reading result.json", 25_000)
                begun.set()
                while True:
                    assert go.wait(30)
                    told("reading result.json", 30_000)
            finally:
                ended.set()

        app = app_importing(tmp_path, long)
        async with app.run_test() as pilot:
            await app.run_action("app.import")
            await on_page(pilot, "Import chats")
            app.screen.query_one("#path", Input).value = str(tmp_path)
            await pilot.press("enter")
            await until_shown(pilot, lambda: "reading result.json … 25,000 messages" in text_of(app))
            if way == "leave":
                app.exit()
            else:
                await (pilot.press("escape") if way == "escape" else pilot.click("#back"))
            go.set()
            if way != "leave":
                await on_page(pilot, "Import chats")
                assert read_paths(app.screen.query_one("#path", Input).value) == [tmp_path]
        assert ended.wait(30)

    async def test_leaving_while_a_question_waits_ends_the_thread(self, tmp_path: Path) -> None:
        """Nothing waits for an answer that cannot come."""
        ended = threading.Event()

        def asks(request: Request, home: Path, asking: Asking, told: Told) -> Ingested:
            try:
                asking.who_are_you([])
                raise ChatcloneError("answered", "no")
            finally:
                ended.set()

        app = app_importing(tmp_path, asks)
        async with app.run_test() as pilot:
            await app.run_action("app.import")
            await on_page(pilot, "Import chats")
            app.screen.query_one("#path", Input).value = str(tmp_path)
            await pilot.press("enter")
            await until_shown(pilot, lambda: isinstance(app.screen, WhoScreen))
        assert ended.wait(30)


class TestChoosing:
    """The tree and the field."""

    async def test_the_tree_has_what_may_be_an_export(self, tmp_path: Path) -> None:
        """Folders, .json, .zip and .html; a file that is chosen is in the field."""
        for name in ("a.json", "b.zip", "c.html", "d.txt", ".hidden.json"):
            (tmp_path / name).touch()
        (tmp_path / "folder").mkdir()
        app = app_on(tmp_path, Rooms())
        async with app.run_test(size=(80, 40)) as pilot:
            await app.run_action("app.import")
            await on_page(pilot, "Import chats")
            tree = app.screen.query_one(ExportTree)
            await until_shown(pilot, lambda: len(tree.root.children) == 4)
            assert [str(node.label) for node in tree.root.children] == ["folder", "a.json", "b.zip", "c.html"]
            tree.focus()
            await pilot.press("down", "down", "enter")
            await until_shown(pilot, lambda: app.screen.query_one("#path", Input).value == str(tmp_path / "a.json"))

    def test_paths_as_people_give_them(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Quoted, escaped, with ~, as an address of a file, several at once, or with a quote in the name."""
        monkeypatch.setenv("HOME", str(tmp_path))
        spaced, quoted = tmp_path / "my chats.json", tmp_path / "mum's.json"
        spaced.touch()
        quoted.touch()
        for text in (str(spaced), f"'{spaced}'", f' "{spaced}" ', str(spaced).replace(" ", "\\ "), "~/my chats.json"):
            assert read_paths(text) == [spaced]
        assert read_paths(f"file://{tmp_path}/my%20chats.json") == [spaced]
        assert read_paths(f"'{spaced}' {tmp_path}") == [spaced, tmp_path]
        assert read_paths(str(quoted)) == [quoted]
        assert read_paths(r"C:\chats\result.json") == [Path(r"C:\chats\result.json")]
        assert read_paths("  ") == []


class TestSamples:
    """A few lines of the data set."""

    def test_what_is_trained_has_a_bar_and_nothing_can_steer_the_terminal(self) -> None:
        """Lines of other people and untrained replies have none."""
        turns = [
            {"role": "user", "content": "hi\x1b[2J"},
            {"role": "assistant", "content": "what", "weight": 0},
            {"role": "user", "content": "[bold]you"},
            {"role": "assistant", "content": "me\nyes", "weight": 1},
        ]
        text = shown_samples([{"messages": turns, "meta": {"partner": "Theo"}}], "Mira").plain
        assert text.splitlines() == ["  Theo: hi␛[2J", "  Mira: what", "  Theo: [bold]you", "▌ Mira: me", "▌     yes"]
