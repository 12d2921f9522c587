"""Training in the app: the plan with its reasons, a run that is followed, left, found again, and its verdict."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from msgspec import structs
from textual.widgets import Input, Select

from chatclone.errors import ChatcloneError
from chatclone.personas import persona as personas
from chatclone.training.events import Begun, Failed, Step
from chatclone.training.run_state import RunState, clock
from chatclone.tui.screens.chat import ChatScreen
from chatclone.tui.screens.welcome import WelcomeScreen
from chatclone.tui.services.base_choices import base_choices, preset_choices
from chatclone.tui.services.training_runs import Training, find_training
from chatclone.tui.services.work import worker_lives
from chatclone.tui.widgets.training_curves import Curves
from tests.chatclone.tui.pages import (
    Rooms,
    app_on,
    end,
    half_way,
    offered,
    on_page,
    persona_in,
    plan_in,
    text_of,
    until_shown,
)


class TestPlan:
    """What is decided, and why, before anything begins."""

    async def test_every_setting_has_its_reason_and_every_change_is_planned(self, tmp_path: Path) -> None:
        """Base, preset and single settings."""
        rooms = Rooms()
        app = app_on(tmp_path, rooms, persona_in(tmp_path))
        async with app.run_test(size=(100, 40)) as pilot:
            await app.run_action("app.train")
            await on_page(pilot, "Train")
            await until_shown(pilot, lambda: "a tiny base (0.008B parameters by its weights)" in text_of(app))
            assert "431 replies to train on" in text_of(app)
            app.screen.query_one("#preset", Select).value = "light"
            app.screen.query_one("#changes", Input).value = "epochs=2, rank=8"
            await until_shown(pilot, lambda: rooms.planned[-1] == ("starter", "light", {"epochs": "2", "rank": "8"}))
            assert rooms.trained == []

    async def test_a_base_that_is_not_there_is_told_and_blocks_nothing_else(self, tmp_path: Path) -> None:
        """Go is off until it is mended."""
        rooms = Rooms()
        app = app_on(tmp_path, rooms, persona_in(tmp_path))
        async with app.run_test() as pilot:
            await app.run_action("app.train")
            await on_page(pilot, "Train")
            app.screen.query_one("#base", Select).value = "another"
            await until_shown(pilot, lambda: "no base is named" in text_of(app))
            app.screen.query_one("#other-base", Input).value = "nothing"
            await until_shown(pilot, lambda: "error: the base model nothing is not on this machine" in text_of(app))
            assert offered(app) == []
            app.screen.query_one("#base", Select).value = "starter"
            await until_shown(pilot, lambda: offered(app) == ["go", "measure"])

    async def test_a_change_without_a_value_is_told(self, tmp_path: Path) -> None:
        """With the way it is written."""
        app = app_on(tmp_path, Rooms(), persona_in(tmp_path))
        async with app.run_test() as pilot:
            await app.run_action("app.train")
            await on_page(pilot, "Train")
            app.screen.query_one("#changes", Input).value = "epochs"
            await until_shown(pilot, lambda: "epochs has no value" in text_of(app))

    async def test_measuring_decides_the_rest_and_tells_the_time(self, tmp_path: Path) -> None:
        """What was auto has a value then."""
        rooms = Rooms()
        app = app_on(tmp_path, rooms, persona_in(tmp_path))
        async with app.run_test(size=(100, 40)) as pilot:
            await app.run_action("app.train")
            await on_page(pilot, "Train")
            await pilot.click("#measure")
            await until_shown(pilot, lambda: "About 2 min: 100 steps, 700 tokens/s" in text_of(app))
            assert "no card" in text_of(app)
            assert len(rooms.measured) == 1

    def test_presets_tell_what_they_are_for(self) -> None:
        """By their own first line; the default one comes first."""
        names = [name for _, name in preset_choices()]
        assert names[0] == "persona"
        assert set(names) >= {"demo", "light", "strong"}
        assert all(text.startswith(f"{name}: ") and len(text) > len(name) + 20 for text, name in preset_choices())

    def test_the_base_of_before_comes_first(self, tmp_path: Path) -> None:
        """With the starter, and a field for any other."""
        persona = replace(persona_in(tmp_path), base="/models/qwen")
        assert [name for _, name in base_choices(persona)] == ["/models/qwen", "starter", "another"]


class TestRun:
    """A run as it goes on."""

    async def test_a_run_from_go_to_the_chat_on_the_new_adapter(self, tmp_path: Path) -> None:
        """Bar, time left, figures, curves; then the verdict in words, and a chat that is opened anew."""
        rooms = Rooms()
        persona = persona_in(tmp_path)
        app = app_on(tmp_path, rooms, persona)
        async with app.run_test(size=(100, 40)) as pilot:
            await until_shown(pilot, lambda: len(rooms.opened) == 1)
            before = app.screen
            await app.run_action("app.train")
            await on_page(pilot, "Train")
            await pilot.press("enter")
            await on_page(pilot, "Training")
            await until_shown(pilot, lambda: "step 50 of 100  0:45 left" in text_of(app))
            text = text_of(app)
            for line in (
                "loss 4.950   tokens right 25%",
                "held out 4.567 (base 5.900)",
                "tokens/s 810   memory 640 MB",
            ):
                assert line in text
            assert app.screen.query_one(Curves).has_class("-drawn")
            rooms.gate.set()
            await until_shown(pilot, lambda: "It learnt to write more like Mira." in text_of(app))
            assert offered(app) == ["chat", "export", "again"]
            await pilot.press("enter")
            await until_shown(pilot, lambda: isinstance(app.screen, ChatScreen) and app.screen is not before)
            await until_shown(pilot, lambda: len(rooms.opened) == 2)
            assert rooms.opened[-1].adapter == "runs/2026-11-21-1/adapter"
            chat = app.screen
            await app.run_action("app.menu")
            await until_shown(pilot, lambda: isinstance(app.screen, WelcomeScreen))
            await app.run_action("app.chat")
            await until_shown(pilot, lambda: app.screen is chat)

    async def test_the_chat_is_there_meanwhile_and_the_end_is_told(self, tmp_path: Path) -> None:
        """Esc leaves the run to itself; /train comes back to it."""
        rooms = Rooms()
        app = app_on(tmp_path, rooms, persona_in(tmp_path))
        async with app.run_test(notifications=True) as pilot:
            await app.run_action("app.train")
            await on_page(pilot, "Train")
            await pilot.press("enter")
            await on_page(pilot, "Training")
            await pilot.press("escape")
            await until_shown(pilot, lambda: isinstance(app.screen, ChatScreen))
            await app.run_action("app.train")
            await on_page(pilot, "Training")
            await pilot.press("escape")
            rooms.gate.set()
            await until_shown(pilot, lambda: any("training has finished" in n.message for n in app._notifications))
            await app.run_action("app.train")
            await until_shown(pilot, lambda: "It learnt to write more like Mira." in text_of(app))

    async def test_stop_asks_by_the_stop_file_and_keeps_what_there_is(self, tmp_path: Path) -> None:
        """The verdict says so."""
        rooms = Rooms()
        persona = persona_in(tmp_path)
        app = app_on(tmp_path, rooms, persona)
        async with app.run_test(size=(100, 40)) as pilot:
            await app.run_action("app.train")
            await on_page(pilot, "Train")
            await pilot.press("enter")
            await on_page(pilot, "Training")
            await until_shown(pilot, lambda: "step 50" in text_of(app))
            await pilot.click("#stop")
            await until_shown(pilot, lambda: "stopping after this step" in text_of(app))
            assert (persona.runs_folder / "2026-11-21-1" / "stop").exists()
            rooms.gate.set()
            await until_shown(pilot, lambda: "chat" in offered(app))

    async def test_a_run_that_fails_says_why_and_offers_another(self, tmp_path: Path) -> None:
        """In two lines."""
        rooms = Rooms(failure=ChatcloneError("memory ran out while training on starter", "--set max_length=256"))
        app = app_on(tmp_path, rooms, persona_in(tmp_path))
        async with app.run_test(size=(100, 40)) as pilot:
            await app.run_action("app.train")
            await on_page(pilot, "Train")
            await pilot.press("enter")
            rooms.gate.set()
            await until_shown(pilot, lambda: "error: memory ran out" in text_of(app))
            assert offered(app) == ["again"]
            await pilot.press("enter")
            await on_page(pilot, "Train")

    async def test_an_interrupted_run_can_be_gone_on_with(self, tmp_path: Path) -> None:
        """With its own plan."""
        persona = persona_in(tmp_path)
        rooms = Rooms(resumable=structs.replace(plan_in(persona), preset="strong", resume=True))
        app = app_on(tmp_path, rooms, persona)
        async with app.run_test(size=(100, 30)) as pilot:
            await app.run_action("app.train")
            await on_page(pilot, "Train")
            await pilot.click("#resume")
            await on_page(pilot, "Training")
            await until_shown(pilot, lambda: [plan.preset for plan in rooms.trained] == ["strong"])
            rooms.gate.set()


class TestFoundAgain:
    """A run outlives the app."""

    async def test_a_run_at_work_is_found_and_its_adapter_taken_over(self, tmp_path: Path) -> None:
        """The app was closed and is opened again; the run ends while it is looked at."""
        persona, rooms = persona_in(tmp_path), Rooms()
        run = self.begun(persona)
        rooms.alive.add(run)
        app = app_on(tmp_path, rooms, persona)
        async with app.run_test(size=(100, 40)) as pilot:
            await until_shown(pilot, lambda: app.journey.training is not None)
            await app.run_action("app.train")
            await until_shown(pilot, lambda: "step 50 of 100" in text_of(app))
            end(run, adapter=str(run / "adapter"))
            rooms.alive.clear()
            await until_shown(pilot, lambda: "It learnt to write more like Mira." in text_of(app))
        assert personas.load(persona.folder).adapter == "runs/2026-11-21-1/adapter"

    async def test_a_run_that_ended_without_us_is_taken_over_at_the_next_start(self, tmp_path: Path) -> None:
        """And told once."""
        persona = persona_in(tmp_path)
        end(self.begun(persona))
        app = app_on(tmp_path, Rooms(), persona)
        async with app.run_test(notifications=True) as pilot:
            await until_shown(pilot, lambda: any("training has finished" in n.message for n in app._notifications))
        assert personas.load(persona.folder).adapter == "runs/2026-11-21-1/adapter"
        assert find_training(persona, lambda run: False) is None

    def test_a_run_that_was_killed_without_us_is_left_to_be_gone_on_with(self, tmp_path: Path) -> None:
        """It is no training of ours any more, and the persona is as it was."""
        persona = persona_in(tmp_path)
        self.begun(persona)
        assert find_training(persona, lambda run: False) is None
        assert personas.load(persona.folder).adapter == ""

    def test_one_that_dies_while_it_is_followed_has_failed(self, tmp_path: Path) -> None:
        """With its own words where it left some."""
        persona = persona_in(tmp_path)
        training = Training(persona, self.begun(persona), lambda run: False)
        assert not training.running()
        assert training.failure is not None
        assert training.failure.message == "the training process ended without a result"

    def test_a_living_worker_is_known_by_its_command(self, tmp_path: Path) -> None:
        """And a dead one is not."""
        command = [sys.executable, "-c", "import sys; sys.stdin.read()", str(tmp_path / "plan.json")]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            assert worker_lives(tmp_path)
            assert not worker_lives(tmp_path / "another")
            process.communicate()
        assert not worker_lives(tmp_path)

    @staticmethod
    def begun(persona: personas.Persona) -> Path:
        """Write a run that the app began and left half way."""
        run = persona.runs_folder / "2026-11-21-1"
        half_way(run)
        plan_in(persona).write(run / "plan.json")
        (run / "unclaimed").touch()
        return run


class TestState:
    """The state of a run, from its events."""

    def test_a_state_follows_the_events(self) -> None:
        """Steps before a resume took no time in this process."""
        state = RunState()
        state.take(Begun(steps=100, first_step=40))
        state.take(Step(step=50, loss=3.0, seconds=20.0))
        assert (state.stage, state.step, state.seconds_left) == ("", 50, 100.0)
        state.take(Failed(message="m", hint="h"))
        assert state.error == ("m", "h")

    def test_times(self) -> None:
        """Minutes and seconds, and hours if there are any."""
        assert [clock(s) for s in (5, 65, 7400)] == ["0:05", "1:05", "2:03:20"]
