"""How a conversation is held, what is remembered, and what a person prefers: partner, settings, comparison, memory."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from chatclone import config
from chatclone.conversations import ChatStore, Settings
from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError
from chatclone.personas.persona import Persona
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.commands.set_command import described, with_setting
from chatclone.tui.preferences import Preferences
from chatclone.tui.screens.choose_partner import PartnerScreen
from chatclone.tui.screens.compare import CompareScreen
from chatclone.tui.screens.confirm import ConfirmScreen
from chatclone.tui.screens.conversation_settings import SettingsScreen
from chatclone.tui.screens.memory_context import SurroundingsScreen
from chatclone.tui.widgets.memory_panel import HitCard
from memory.memory import Memory
from memory.passages import Line
from tests.chatclone.tui.stage import NOW, app_with, awake, chat, lines, quiet, said, send, shown, until
from tests.fakes import FakeEngine, fake_clone


class TestSettings:
    """One setting, by its name and words."""

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("partner", " my  mum ", Settings(partner="my mum")),
            ("strength", "0,8", Settings(strength=0.8)),
            ("strength", "", Settings()),
            ("adapter", "off", Settings(adapter=False)),
            ("temperature", "1.2", Settings(sampling=Sampling(temperature=1.2))),
            ("temperature", "0.7", Settings()),
            ("Min-P", "0.05", Settings(sampling=Sampling(min_p=0.05))),
            ("length", "300", Settings(sampling=Sampling(max_tokens=300))),
            ("notes", "a\nb", Settings(notes="a\nb")),
        ],
    )
    def test_it_is_read(self, name: str, value: str, expected: Settings) -> None:
        """What is as the persona has it is not kept."""
        assert with_setting(Settings(), Sampling(), name, value) == expected

    @pytest.mark.parametrize(("name", "value"), [("warmth", "1"), ("memory", "maybe"), ("length", "0"), ("min_p", "x")])
    def test_what_is_none_is_said(self, name: str, value: str) -> None:
        """With what there is."""
        with pytest.raises(ChatcloneError) as caught:
            with_setting(Settings(), Sampling(), name, value)
        assert caught.value.hint

    def test_all_are_described_as_they_are_read(self) -> None:
        """Reading what is described changes nothing."""
        settings = Settings(partner="Mum", strength=0.5, memory=False, sampling=Sampling(temperature=1.0))
        again = Settings()
        for name, value in described(settings, Sampling()):
            again = with_setting(again, Sampling(), name, value)
        assert again == settings


class TestHolding:
    """On the screen, saved with the conversation."""

    async def test_partner_settings_and_comparison(self, store: ChatStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each conversation has its own; a comparison writes both sides and keeps the chosen one."""
        engine = FakeEngine(("hi mum",), ("base",), ("adapted",), ("base",), ("again",))
        clone = fake_clone(engine)
        persona = Persona(Path("no-folder"), "Mira", partners=("Anna", "Mum"))
        app = ChatcloneApp(persona, lambda: (replace(clone, persona=persona), ""), store, clock=lambda: NOW)
        app.animation_level = "none"
        async with app.run_test(size=(100, 30)) as pilot:
            await awake(pilot)
            await pilot.press("ctrl+l")
            await until(pilot, lambda: isinstance(app.screen, PartnerScreen))
            await pilot.press("down", "enter")
            await until(pilot, lambda: "you are Mum" in shown(app, "#title .name"))
            await pilot.press("f3")
            await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
            app.screen.query_one("#set-temperature", Input).value = "hot"
            await pilot.press("f3")
            assert "temperature is a number" in str(app.screen.query_one(".problem").render())
            app.screen.query_one("#set-temperature", Input).focus()
            app.screen.query_one("#set-temperature", Input).value = "0.8"
            await pilot.press("up", "enter")
            await until(pilot, lambda: len(app.screen_stack) == 1)
            await send(pilot, "hello")
            await quiet(pilot)
            (conversation,) = store.conversations()
            assert conversation.partner == "Mum"
            assert engine.samplings[0].temperature == 0.9
            assert "chatting with Mum" in engine.prompts[0].messages[0].content
            strengths: list[float] = []
            monkeypatch.setattr(engine, "set_strength", strengths.append)
            await pilot.press("f6")
            await until(pilot, lambda: isinstance(app.screen, CompareScreen))
            await until(pilot, lambda: len(engine.prompts) == 3 and chat(app).replies.current is None)
            await until(pilot, lambda: "adapted" in str(app.screen.query_one("#side-1").render()))
            assert "base" in str(app.screen.query_one("#side-0").render())
            assert strengths == [0.0, 1.0]
            assert engine.samplings[1].seed == engine.samplings[2].seed
            await until(pilot, lambda: not app.screen.query_one("#keep-1").disabled)
            await pilot.press("2")
            await until(pilot, lambda: lines(app) == ["hello", "adapted"])
            assert said(store)[-1] == ("adapted", "done")
            assert shown(app, "CloneMessage .versions") == "‹2/2›"
            await self._leave_a_comparison(pilot, store)
            await send(pilot, "/rhythm")
            await until(pilot, lambda: not store.settings(conversation.id).rhythm)
            await pilot.press("ctrl+n")
            await until(pilot, lambda: "you are" not in shown(app, "#title .name"))

    async def _leave_a_comparison(self, pilot: Pilot[None], store: ChatStore) -> None:
        """Esc keeps neither side: there are as many versions as before."""
        question = store.messages(store.conversations()[0].id)[0]
        before = store.messages(question.conversation)
        await pilot.press("f6")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await until(pilot, lambda: not pilot.app.screen.query_one("#keep-1").disabled)
        await pilot.press("escape")
        await until(pilot, lambda: lines(pilot.app) == ["hello", "adapted"])
        assert store.messages(question.conversation) == before
        assert shown(pilot.app, "CloneMessage .versions") == "‹2/2›"


class TestMemory:
    """A real memory beside a fake engine."""

    async def test_open_forget_remember_and_note(self, store: ChatStore, tmp_path: Path) -> None:
        """A card opens where it was said and forgets it; messages and notes go in."""
        memory = Memory.open(tmp_path / "memory.sqlite")
        told = [("Anna", "hi"), ("Mira", "i adopted a cat called Biscuit"), ("Anna", "omg pics"), ("Mira", "later")]
        memory.sync(
            [Line(f"t:1/{n}", "t:1", "Anna", who, 1_700_000_000 + 60 * n, text) for n, (who, text) in enumerate(told)]
        )
        engine = FakeEngine(("biscuit",), ("hm",))
        clone = fake_clone(engine)
        clone.memory = memory
        app = app_with(engine, store, wake=lambda: (clone, ""))
        async with app.run_test(size=(120, 30)) as pilot:
            await awake(pilot)
            await pilot.press("f2")
            await send(pilot, "is Biscuit well?")
            await quiet(pilot)
            await until(pilot, lambda: app.query(HitCard))
            app.query(HitCard).first().focus()
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, SurroundingsScreen))
            assert "i adopted a cat" in str(app.screen.query_one(".remembered").render())
            await pilot.press("escape")
            app.query(HitCard).first().focus()
            await pilot.press("f")
            await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
            await pilot.press("y")
            await until(pilot, lambda: not app.query(HitCard))
            assert not [hit for hit in memory.list() if "adopted" in hit.text]
            assert store.messages(store.conversations()[0].id)[1].memory == ()
            chat(app)._composer.focus()
            await send(pilot, "/remember")
            await until(
                pilot, lambda: any("Anna: is Biscuit well?" in h.text for h in memory.list() if h.chat == "notes")
            )
            await send(pilot, "/note exam at nine")
            await until(pilot, lambda: "exam at nine" in shown(app, "#memory .today"))
        memory.close()


class TestPreferences:
    """What a person prefers lies in config.toml."""

    async def test_keys_and_theme(self, store: ChatStore, tmp_path: Path) -> None:
        """Keys go to their commands, one that had none among them; a theme is kept when it is changed."""
        config.config_file(tmp_path).write_text('theme = "paper"\n[keys]\nhelp = "f12"\npin = "ctrl+k"\n')
        store.add(store.create("hi").id, "user", "hi")
        app = app_with(FakeEngine(), store)
        app.preferences = Preferences(tmp_path)
        async with app.run_test() as pilot:
            await awake(pilot)
            assert app.theme == "paper"
            await pilot.press("ctrl+k")
            await until(pilot, lambda: store.conversations()[0].pinned)
            await pilot.press("f1")
            assert len(app.screen_stack) == 1
            await pilot.press("f12")
            await until(pilot, lambda: len(app.screen_stack) == 2)
            app.theme = "nord"
            await until(pilot, lambda: config.load(tmp_path).theme == "nord")
        assert config.load(tmp_path).keys == {"help": "f12", "pin": "ctrl+k"}
