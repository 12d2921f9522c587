"""The app by its keys: sending, streaming, stopping, versions, failures, restarts."""

import threading

from textual.widgets._toast import ToastRack

from chatclone.clone.clone import Clone
from chatclone.conversations import ChatStore
from chatclone.errors import ChatcloneError
from chatclone.tui.widgets.composer import Composer
from chatclone.tui.widgets.status_bar import what_runs
from tests.chatclone.tui.stage import (
    CAT,
    app_with,
    awake,
    lines,
    outcomes,
    quiet,
    said,
    send,
    shown,
    until,
)
from tests.fakes import FakeEngine, fake_clone


class TestSending:
    """A message goes out, a reply comes in."""

    async def test_a_reply_is_a_bubble_a_line(self, store: ChatStore) -> None:
        """Mine first, then each line of the clone in a bubble of its own; both are saved."""
        async with app_with(FakeEngine(("he", "y\nyo", "u")), store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await quiet(pilot)
            assert lines(pilot.app) == ["hi", "hey", "you"]
            assert said(store) == [("hi", "done"), ("hey\nyou", "done")]
            assert pilot.app.query_one(Composer).text == ""

    async def test_a_reply_is_shown_while_it_is_written(self, store: ChatStore) -> None:
        """Typing… first, then every piece as it comes; what is on the screen is saved."""
        engine = FakeEngine(("he", "y", "\nyou"), hold=True)
        async with app_with(engine, store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await until(pilot, lambda: outcomes(pilot.app) == ["typing…"])
            engine.release()
            await until(pilot, lambda: lines(pilot.app) == ["hi", "he"])
            assert said(store)[-1] == ("he", "writing")
            assert outcomes(pilot.app) == []
            engine.release(2)
            await quiet(pilot)
            assert lines(pilot.app) == ["hi", "hey", "you"]

    async def test_enter_sends_and_ctrl_j_begins_a_line(self, store: ChatStore) -> None:
        """So does Alt+Enter; a blank message is not sent."""
        engine = FakeEngine()
        async with app_with(engine, store).run_test() as pilot:
            await awake(pilot)
            await pilot.press("enter", "a", "ctrl+j", "b", "alt+enter", "c", "enter")
            await quiet(pilot)
            assert said(store)[0] == ("a\nb\nc", "done")
            assert engine.prompts[0].messages[-1].content == "a\nb\nc"

    async def test_what_is_sent_meanwhile_is_answered_next(self, store: ChatStore) -> None:
        """A person may write twice in a row; the clone sees its own first reply before the second."""
        engine = FakeEngine(("one",), ("two",), hold=True)
        async with app_with(engine, store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await send(pilot, "you there?")
            engine.release(2)
            await until(pilot, lambda: len(engine.prompts) == 2)
            await quiet(pilot)
            assert lines(pilot.app) == ["hi", "one", "you there?", "two"]
            assert [m.content for m in engine.prompts[1].messages[1:]] == ["hi", "one", "you there?"]

    async def test_what_is_sent_before_the_clone_is_awake_is_answered_then(self, store: ChatStore) -> None:
        """The app can be used at once."""
        loaded, engine = threading.Event(), FakeEngine(("morning",))

        def wake() -> tuple[Clone, str]:
            assert loaded.wait(60)
            return fake_clone(engine), ""

        async with app_with(engine, store, wake=wake).run_test() as pilot:
            await pilot.pause()
            assert shown(pilot.app, "#title .state") == "waking up Mira…"
            await send(pilot, "good")
            await send(pilot, "morning?")
            assert lines(pilot.app) == ["good", "morning?"]
            loaded.set()
            await until(pilot, lambda: lines(pilot.app) == ["good", "morning?", "morning"])
            await quiet(pilot)
            assert len(engine.prompts) == 1


class TestText:
    """Text is shown as text."""

    HOSTILE = "[bold]x[/bold] [@click=app.quit]y[/] *a* # b \x1b[31mred\x1b[0m \u202eevil\u202c `c`"

    async def test_markup_and_escape_sequences_do_nothing(self, store: ChatStore) -> None:
        """Neither in a reply nor in a message, a title, a name of a chat or a memory."""
        hit = type(CAT)(1, CAT.when, self.HOSTILE, self.HOSTILE, 0.5, self.HOSTILE)
        async with app_with(FakeEngine((self.HOSTILE,)), store, hit).run_test(size=(160, 40)) as pilot:
            await awake(pilot)
            await pilot.press("f2")
            await send(pilot, self.HOSTILE)
            await quiet(pilot)
            drawn = "\n".join("".join(s.text for s in strip) for strip in pilot.app.screen._compositor.render_strips())
            assert drawn.count("[bold]x[/bold] [@click=app.quit]y[/]") >= 2
            assert "␛[31mred" in drawn
            assert "\x1b" not in drawn
            assert "\u202e" not in drawn

    async def test_a_line_of_4000_characters_breaks_nothing(self, store: ChatStore) -> None:
        """It wraps within its bubble."""
        async with app_with(FakeEngine(("x" * 4000,)), store).run_test(size=(60, 20)) as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await quiet(pilot)
            bubble = pilot.app.query_one("Bubble.theirs")
            assert bubble.region.width <= 60
            assert bubble.region.height > 4000 // 60


class TestStopping:
    """Esc stops a reply and keeps what it has."""

    async def test_the_partial_reply_stays_with_a_word(self, store: ChatStore) -> None:
        """The state stands below the text, on the screen and in the file."""
        engine = FakeEngine(("he", "y"), hold=True)
        async with app_with(engine, store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            engine.release()
            await until(pilot, lambda: lines(pilot.app) == ["hi", "he"])
            await pilot.press("escape")
            await quiet(pilot)
            assert said(store)[-1] == ("he", "cancelled")
            assert outcomes(pilot.app) == ["stopped"]

    async def test_leaving_stops_and_saves(self, store: ChatStore) -> None:
        """Ctrl+Q in the middle of a reply loses nothing."""
        engine = FakeEngine(("he", "y"), hold=True)
        async with app_with(engine, store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            engine.release()
            await until(pilot, lambda: lines(pilot.app) == ["hi", "he"])
            await pilot.press("ctrl+q")
        for _ in range(1000):
            if said(store)[-1][1] != "writing":
                break
            threading.Event().wait(0.01)
        assert said(store)[-1] == ("he", "cancelled")


class TestVersions:
    """A reply can be written again, and the first one is not lost."""

    async def test_regenerate_and_go_back(self, store: ChatStore) -> None:
        """Ctrl+R writes a second version; Alt+left and Alt+right go between them."""
        engine = FakeEngine(("one",), ("two",))
        async with app_with(engine, store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await quiet(pilot)
            await pilot.press("ctrl+r")
            await until(pilot, lambda: lines(pilot.app) == ["hi", "two"])
            await quiet(pilot)
            assert "‹2/2›" in shown(pilot.app, "CloneMessage .versions")
            assert engine.samplings[1].seed is not None
            await pilot.press("alt+left")
            assert lines(pilot.app) == ["hi", "one"]
            await pilot.press("alt+left")
            assert lines(pilot.app) == ["hi", "one"]
            await pilot.press("alt+right")
            assert lines(pilot.app) == ["hi", "two"]

    async def test_a_question_that_was_never_answered_is_answered_on_demand(self, store: ChatStore) -> None:
        """Opening an old conversation asks nothing; Ctrl+R does."""
        conversation = store.create("hi")
        store.add(conversation.id, "user", "hi")
        engine = FakeEngine(("late",))
        async with app_with(engine, store).run_test() as pilot:
            await awake(pilot)
            assert engine.prompts == []
            await pilot.press("ctrl+r")
            await until(pilot, lambda: lines(pilot.app) == ["hi", "late"])

    async def test_not_while_one_is_written(self, store: ChatStore) -> None:
        """The reply that is being written goes on."""
        engine = FakeEngine(("one",), hold=True)
        async with app_with(engine, store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await pilot.press("ctrl+r")
            engine.release()
            await quiet(pilot)
            assert lines(pilot.app) == ["hi", "one"]


class TestFailures:
    """What goes wrong is said, and nothing is lost."""

    async def test_an_engine_that_fails(self, store: ChatStore) -> None:
        """The partial reply and the reason stay; the next message is answered."""
        engine = FakeEngine(("he", ChatcloneError("the memory is full", "use a smaller model")), ("fine",))
        async with app_with(engine, store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await quiet(pilot)
            assert outcomes(pilot.app) == ["failed: the memory is full\ntry: use a smaller model"]
            assert said(store) == [("hi", "done"), ("he", "failed")]
            await send(pilot, "and now?")
            await quiet(pilot)
            assert lines(pilot.app) == ["hi", "he", "and now?", "fine"]

    async def test_a_bug_in_an_engine_does_not_end_the_app(self, store: ChatStore) -> None:
        """It is named by its type."""
        async with app_with(FakeEngine((RuntimeError("boom"),)), store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "hi")
            await quiet(pilot)
            assert outcomes(pilot.app) == ["failed: RuntimeError: boom"]

    async def test_a_clone_that_does_not_wake_up(self, store: ChatStore) -> None:
        """It is said; old conversations can be read, and a message is kept."""

        def wake() -> tuple[Clone, str]:
            raise ChatcloneError("there is no model yet", "chatclone train")

        async with app_with(FakeEngine(), store, wake=wake).run_test() as pilot:
            await until(pilot, lambda: shown(pilot.app, "#title .state") == "failed to load the model")
            await send(pilot, "hi")
            assert said(store) == [("hi", "done")]
            (notice,) = pilot.app._notifications
            assert notice.message == "there is no model yet\ntry: chatclone train"

    async def test_one_note_at_a_time_and_none_about_the_engine(self, store: ChatStore) -> None:
        """Notes stand above what is read, for two seconds; the line below says what answers, and how fast first."""
        clone = fake_clone(FakeEngine(("ok",)))
        async with app_with(FakeEngine(), store, wake=lambda: (clone, "the newest export")).run_test(
            notifications=True
        ) as pilot:
            await awake(pilot)
            assert not pilot.app._notifications
            assert "the newest export" in str(pilot.app.query_one("#status .engine").tooltip)
            for text in ("one", "two"):
                pilot.app.notify(text)
                await pilot.pause()
            (notice,) = pilot.app._notifications
            assert (notice.message, notice.timeout) == ("two", 2)
            rack = pilot.app.screen.get_child_by_type(ToastRack)
            assert rack.region.y < 3
            assert what_runs(clone.engine, 41.7).startswith("42 tokens/s · ")

    async def test_a_message_that_fits_into_no_context(self, store: ChatStore) -> None:
        """What to try stands on a second line."""
        async with app_with(FakeEngine(), store).run_test() as pilot:
            await awake(pilot)
            await send(pilot, "word " * 20_000)
            await until(pilot, lambda: outcomes(pilot.app) and "failed" in outcomes(pilot.app)[0])
            what, try_this = outcomes(pilot.app)[0].split("\n")
            assert "longer than" in what
            assert try_this.startswith("try: send it in shorter messages")
