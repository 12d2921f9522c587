"""What can be done with a message: edit, versions, go on, correct, delete and undo, copy, save, write at length."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual import events

from chatclone.conversations import ChatStore
from chatclone.conversations.corrections import corrections
from chatclone.errors import ChatcloneError
from chatclone.personas.persona import Persona
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.services.bubble_timing import LONGEST_SECONDS, USUAL
from chatclone.tui.terminal.clipboard import copied, takes_osc52
from chatclone.tui.terminal.external_editor import edited
from chatclone.tui.widgets.composer import Composer
from chatclone.tui.widgets.conversation_view import ConversationView
from chatclone.tui.widgets.message_bubbles import Bubble, CloneMessage, Versions
from tests.chatclone.tui.stage import NOW, app_with, awake, lines, outcomes, quiet, said, send, until
from tests.fakes import FakeEngine, fake_clone


def app_in(folder: Path, engine: FakeEngine, store: ChatStore) -> ChatcloneApp:
    """Return the app on a persona with a folder."""
    clone = replace(fake_clone(engine), persona=Persona(folder, "Mira"))
    app = ChatcloneApp(clone.persona, lambda: (clone, ""), store, clock=lambda: NOW)
    app.animation_level = "none"
    return app


def versions(app: ChatcloneApp) -> list[str]:
    """Return the versions that are shown, from top to bottom."""
    return [str(v.content) for v in app.query(Versions) if v.display]


class TestVersions:
    """Nothing is overwritten."""

    async def test_an_edited_message_is_another_version(self, store: ChatStore) -> None:
        """F4 puts the last one where it is changed; keys and clicks go from version to version."""
        engine = FakeEngine(("one",), ("two",), ("three",))
        app = app_with(engine, store)
        async with app.run_test(size=(100, 30)) as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await quiet(pilot)
            composer = app.query_one(Composer)
            composer.insert("a draft")
            await pilot.press("f4")
            assert composer.text == "hi"
            await pilot.press("escape")
            assert composer.text == "a draft"
            await pilot.press("f4", "!", "enter")
            await until(pilot, lambda: lines(app)[0] == "hi!")
            await quiet(pilot)
            assert (lines(app), versions(app)) == (["hi!", "two"], ["‹2/2›"])
            assert composer.text == "a draft"
            assert [m.content for m in engine.prompts[1].messages[1:]] == ["hi!"]
            await pilot.press("alt+left")
            await until(pilot, lambda: lines(app) == ["hi", "one"])
            await pilot.click(Versions, offset=(4, 0))
            await until(pilot, lambda: lines(app) == ["hi!", "two"])
            await pilot.press("escape", "ctrl+r")
            await until(pilot, lambda: lines(app) == ["hi!", "three"])
            await quiet(pilot)
            assert versions(app) == ["‹2/2›", "‹2/2›"]
            await pilot.press("alt+up", "alt+up", "alt+left")
            await until(pilot, lambda: lines(app) == ["hi", "one"])
            chosen = app.query_one(ConversationView).chosen
            assert chosen is not None
            assert chosen.text == "hi"

    async def test_a_cut_reply_goes_on(self, store: ChatStore) -> None:
        """In the same message; one that was not cut does not."""
        engine = FakeEngine(("he", "y"), ("llo\nyou",), hold=True)
        app = app_with(engine, store)
        async with app.run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            engine.release()
            await until(pilot, lambda: lines(app) == ["hi", "he"])
            await pilot.press("escape")
            await quiet(pilot)
            await pilot.press("ctrl+t")
            engine.release()
            await until(pilot, lambda: said(store)[-1] == ("hello\nyou", "done"))
            await quiet(pilot)
            assert (lines(app), outcomes(app)) == (["hi", "hello", "you"], [])
            await pilot.press("ctrl+t")
            await pilot.pause()
            assert "was not cut off" in [n.message for n in app._notifications][-1]

    async def test_what_is_deleted_comes_back(self, store: ChatStore) -> None:
        """A message with what followed it, and a conversation."""
        app = app_with(FakeEngine(("one",), ("two",)), store)
        async with app.run_test() as pilot:
            await awake(pilot)
            for text in ("a", "b"):
                await send(pilot, text)
                await quiet(pilot)
            await pilot.press("alt+up", "alt+up", "alt+up")
            await send(pilot, "/unsend")
            await until(pilot, lambda: lines(app) == ["a"])
            await send(pilot, "/undo")
            await until(pilot, lambda: lines(app) == ["a", "one", "b", "two"])
            await send(pilot, "/delete")
            await pilot.pause()
            await pilot.press("y")
            await until(pilot, lambda: store.conversations() == [])
            await until(pilot, lambda: lines(app) == [])
            await send(pilot, "/undo")
            await until(pilot, lambda: lines(app) == ["a", "one", "b", "two"])


class TestWords:
    """What goes out of a conversation, and into it."""

    async def test_corrections_copies_and_files(self, store: ChatStore, tmp_path: Path) -> None:
        """“I would say” keeps a pair; any message and everything can be copied; files go both ways."""
        app = app_in(tmp_path, FakeEngine(("I own a feline.",)), store)
        async with app.run_test() as pilot:
            await awake(pilot)
            await send(pilot, "cat?")
            await quiet(pilot)
            await pilot.press("f8")
            composer = app.query_one(Composer)
            assert composer.text == "I own a feline."
            composer.text = "biscuit!!"
            await pilot.press("enter")
            await until(pilot, lambda: corrections(tmp_path / "dataset"))
            (pair,) = corrections(tmp_path / "dataset")
            assert (pair.prompt, pair.chosen, pair.rejected) == ((("user", "cat?"),), "biscuit!!", "I own a feline.")
            assert lines(app) == ["cat?", "I own a feline."]
            await pilot.press("ctrl+o")
            assert app.clipboard == "I own a feline."
            await pilot.press("alt+up", "alt+up", "ctrl+o")
            assert app.clipboard == "cat?"
            await send(pilot, "/copy all")
            await until(pilot, lambda: app.clipboard.startswith("# cat?"))
            for name in ("a.md", "a.json"):
                await send(pilot, f"/save {tmp_path / name}")
                await until(pilot, (tmp_path / name).exists)
            store.delete(store.conversations()[0].id)
            await send(pilot, f"/load {tmp_path / 'a.md'}")
            await until(pilot, lambda: len(store.conversations()) == 1)
            await send(pilot, f"/load {tmp_path / 'none.md'}")
            await until(pilot, lambda: "cannot be read" in [n.message for n in app._notifications][-1])

    async def test_what_was_sent_comes_back_and_much_can_be_pasted(self, store: ChatStore) -> None:
        """↑ in an empty line goes back, ↓ forward; 100 kB are one message."""
        engine = FakeEngine(context=200_000)
        app = app_with(engine, store)
        async with app.run_test() as pilot:
            await awake(pilot)
            composer = app.query_one(Composer)
            for text in ("first", "second\nline"):
                composer.insert(text)
                await pilot.press("enter")
                await quiet(pilot)
            await pilot.press("up")
            assert composer.text == "second\nline"
            await pilot.press("up")
            assert composer.text == "first"
            await pilot.press("down", "down")
            assert composer.text == ""
            pasted = "\n".join(["word " * 19 + "12345"] * 1000)
            app.post_message(events.Paste(pasted))
            await until(pilot, lambda: len(composer.text) == len(pasted))
            await pilot.press("enter")
            await until(pilot, lambda: len(engine.prompts) == 3)
            await quiet(pilot)
            assert store.messages(store.conversations()[0].id)[-2].text == pasted

    def test_where_copied_words_are(self, tmp_path: Path) -> None:
        """In the clipboard where the terminal has one, else in a file that is named."""
        assert takes_osc52("a", {"TERM": "xterm-256color"})
        assert not takes_osc52("a", {"TERM_PROGRAM": "Apple_Terminal"})
        assert not takes_osc52("ä" * 40_000, {"TERM": "xterm-256color"})
        told = copied("words", tmp_path, {"TERM": "linux", "PATH": str(tmp_path)})
        assert str(tmp_path / "copied.txt") in told
        assert (tmp_path / "copied.txt").read_text() == "words"

    def test_an_editor_changes_the_message(self, tmp_path: Path) -> None:
        """One that fails, or that is not there, says so."""
        editor = tmp_path / "editor"
        editor.write_text('#!/bin/sh\necho "$(cat "$1") there" > "$1"\n')
        editor.chmod(0o700)
        assert edited("hi", {"EDITOR": str(editor)}) == "hi there"
        for broken, message in (("false", "ended with 1"), (str(tmp_path / "none"), "could not be started")):
            with pytest.raises(ChatcloneError, match=message):
                edited("hi", {"EDITOR": broken})


class TestRhythm:
    """Bubbles come one after another, and never late into the file."""

    def test_a_longer_bubble_takes_longer(self) -> None:
        """Up to the limit."""
        assert USUAL.delay("") < USUAL.delay("a few words") < USUAL.delay("x" * 50) < USUAL.delay("x" * 4000)
        assert USUAL.delay("x" * 4000) == LONGEST_SECONDS

    async def test_a_bubble_waits_for_its_time_on_the_screen_only(self, store: ChatStore) -> None:
        """It is whole when it comes; Esc shows the rest at once."""
        app = app_with(FakeEngine(("zero",), ("one\ntw", "o\nthree"), ("a\nb",)), store)
        async with app.run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await quiet(pilot)
            view = app.query_one(ConversationView)
            view.pace = lambda line: 3600.0
            await pilot.press("ctrl+r")
            await until(pilot, lambda: said(store)[-1] == ("one\ntwo\nthree", "done"))
            await quiet(pilot)
            assert (lines(app), outcomes(app)) == (["hi", "one"], ["typing…"])
            await pilot.press("escape")
            await until(pilot, lambda: lines(app) == ["hi", "one", "two", "three"])
            view.pace = lambda line: 0.01
            await pilot.press("ctrl+r")
            await until(pilot, lambda: lines(app) == ["hi", "a", "b"])
            await until(pilot, lambda: not app.query_one(CloneMessage).waits)
            assert outcomes(app) == []


class TestGrowing:
    """A reply on its way, many times a second."""

    async def test_a_new_bubble_and_the_end_of_the_one_before_are_one_layout(self, store: ChatStore) -> None:
        """Each costs a third of what a model of 200 tokens/s has between two tokens."""
        app = app_with(FakeEngine(("one",)), store)
        async with app.run_test() as pilot:
            screen = await awake(pilot)
            await send(pilot, "hi")
            await quiet(pilot)
            layouts: list[object] = []
            screen.screen_layout_refresh_signal.subscribe(screen, layouts.append)
            row = screen.query_one(CloneMessage)
            await row.show(replace(row.reply, text="one and\ntwo"))
            await until(pilot, lambda: lines(app) == ["hi", "one and", "two"])
            await until(pilot, lambda: screen.query(Bubble).last().size.height)
            assert len(layouts) == 1


class TestHostileText:
    """Text of others is text."""

    TEXT = "[bold]b[/] *a* # h `c` \x1b[31mred\x1b[0m \u202eevil\u202c 👩‍👩‍👧 שלום [@click=app.quit]x[/]"

    async def test_everywhere_it_is_shown(self, store: ChatStore) -> None:
        """In a bubble of mine and of the clone, marked by a search, and in lines of 4,000 characters."""
        app = app_with(FakeEngine((self.TEXT, "\n" + "y" * 4000)), store)
        async with app.run_test(size=(60, 20)) as pilot:
            await awake(pilot)
            await send(pilot, f"{self.TEXT}\n{'x' * 4000}")
            await quiet(pilot)
            await send(pilot, f"/rename {self.TEXT}")
            await pilot.press("ctrl+f", *"evil")
            await until(pilot, lambda: app.screen.query("#found"))
            await pilot.pause()
            await pilot.press("down", "enter")
            await until(pilot, lambda: len(app.screen_stack) == 1)
            for bubble in app.query("Bubble"):
                shown = str(bubble.render())
                assert "\x1b" not in shown
                assert "\u202e" not in shown
                assert bubble.region.width <= 60
            shown = str(app.query("Bubble").first().render())
            assert shown.startswith("[bold]b[/] *a* # h `c` ␛[31mred")
            assert "👩‍👩‍👧 שלום [@click=app.quit]x[/]" in shown
