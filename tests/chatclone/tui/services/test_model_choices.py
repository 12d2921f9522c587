"""Which model answers: listed with sizes and dates, chosen for a conversation, loaded when it is wanted."""

import json
import os
from pathlib import Path

import pytest
from textual.widgets import OptionList, Select

from chatclone import config
from chatclone.conversations import Settings
from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError
from chatclone.gguf import export_record
from chatclone.gguf.export_record import ExportRecord
from chatclone.personas.persona import Persona
from chatclone.tui.commands.set_command import with_setting
from chatclone.tui.screens.choose_model import ModelScreen
from chatclone.tui.screens.conversation_settings import SettingsScreen
from chatclone.tui.services.model_choices import AS_STARTED, Models, key_of, open_chosen
from chatclone.tui.services.open_personas import Opened
from tests.chatclone.tui.pages import Rooms, app_on, persona_in
from tests.chatclone.tui.stage import NOW, awake, chat, lines, quiet, send, shown, until
from tests.fakes import FakeEngine


def file(path: Path, size: int = 1_500_000) -> Path:
    """Make a file of this size and of the stage's day."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    os.truncate(path, size)
    os.utime(path, (NOW, NOW))
    return path


def run_in(persona: Persona, name: str, base: str = "starter") -> None:
    """Make a run that has an adapter."""
    file(persona.runs_folder / name / "adapter" / "adapter_model.safetensors")
    (persona.runs_folder / name / "result.json").write_text(json.dumps({"base": base}), "utf-8")


def listed(persona: Persona, home: Path) -> list[tuple[str, str, str]]:
    """Return engine, model and what is said of it, of all that can be chosen."""
    models = Models(persona, home, Opened(), Rooms().open_model)
    return [(model.engine, model.model, f"{model.title} / {model.about}") for model in models.choices()]


class TestList:
    """What there is to choose from."""

    def test_before_a_training_there_is_the_base(self, tmp_path: Path) -> None:
        """And what the app was started with."""
        assert [row[:2] for row in listed(persona_in(tmp_path), tmp_path)] == [("auto", ""), ("transformers", "")]

    def test_runs_files_and_a_server_with_what_tells_them_apart(self, tmp_path: Path) -> None:
        """The current adapter first; a base that an adapter lies on is no model of its own."""
        persona = persona_in(tmp_path, adapter="runs/1/adapter")
        for name, base in (("2", "/models/qwen"), ("1", "starter")):
            run_in(persona, name, base)
        lora, base_file = file(persona.models_folder / "mira.gguf"), file(tmp_path / "cache" / "base.gguf")
        export_record.record_export(
            persona,
            tmp_path,
            ExportRecord(
                kind="adapter",
                quant="f16",
                base="starter",
                adapter="runs/1/adapter",
                adapter_sha256="0",
                model=base_file,
                lora=lora,
                base_weights="",
                model_mark="",
            ),
        )
        file(persona.models_folder / "copied.gguf", 3_200_000_000)
        config.config_file(tmp_path).write_text('server = "http://127.0.0.1:8080/v1"\n', "utf-8")
        rows = listed(persona, tmp_path)
        assert [row[:2] for row in rows[1:3]] == [
            ("transformers", "runs/1/adapter"),
            ("transformers", "runs/2/adapter"),
        ]
        assert "starter with run 1 / 1.5 MB · 21 Nov 2026 · the current adapter" in rows[1][2]
        assert "qwen with run 2" in rows[2][2]
        assert {row[1]: row[2] for row in rows[3:5]} == {
            "models/mira.gguf": "gguf, mira.gguf / adapter, f16 · 1.5 MB · 21 Nov 2026",
            "models/copied.gguf": "gguf, copied.gguf / 3.2 GB · 21 Nov 2026",
        }
        assert rows[5][0] == "openai"
        assert "http://127.0.0.1:8080/v1" in rows[5][2]

    @pytest.mark.parametrize(
        ("engine", "model", "message"),
        [("gguf", "models/x.gguf", "no longer exists"), ("openai", "", "names no server")],
    )
    def test_what_is_gone_is_said(self, tmp_path: Path, engine: str, model: str, message: str) -> None:
        """Before anything is loaded."""
        with pytest.raises(ChatcloneError, match=message):
            open_chosen(persona_in(tmp_path), tmp_path, engine, model)  # type: ignore[arg-type]

    def test_a_model_is_a_setting_like_others(self) -> None:
        """For /set, and for the form."""
        changed = with_setting(Settings(), Sampling(), "model", "gguf models/a b.gguf")
        assert key_of(changed) == ("gguf", "models/a b.gguf")
        assert key_of(with_setting(changed, Sampling(), "model", "auto")) == AS_STARTED
        with pytest.raises(ChatcloneError, match="no engine vllm"):
            with_setting(Settings(), Sampling(), "model", "vllm x")


class TestChoosing:
    """In the chat."""

    async def test_a_choice_is_saved_and_loaded_and_frees_the_one_before(self, tmp_path: Path) -> None:
        """Another conversation loads its own when it asks; what was started with comes back the same way."""
        persona, rooms = persona_in(tmp_path), Rooms()
        for name in ("1", "2"):
            run_in(persona, name)
        app = app_on(tmp_path, rooms, persona)
        async with app.run_test(size=(100, 30)) as pilot:
            first = await awake(pilot)
            await send(pilot, "hi")
            await quiet(pilot)
            await send(pilot, "/model")
            await until(pilot, lambda: isinstance(app.screen, ModelScreen))
            titles = [str(option.prompt) for option in app.screen.query_one(OptionList).options]
            assert titles[0].startswith("● as started")
            await pilot.press("down", "enter")
            await until(pilot, lambda: rooms.models and first.replies.clone is rooms.clones[-1])
            chosen = rooms.models[-1][1]
            await send(pilot, "who are you")
            await quiet(pilot)
            assert lines(app)[-1] == f"I am {chosen}"
            store = chat(app)._store
            assert key_of(store.conversations()[0].settings) == ("transformers", chosen)
            await pilot.press("ctrl+n")
            assert len(rooms.opened) == 1
            await send(pilot, "and here")
            await until(pilot, lambda: lines(app)[-1] == "ok")
            assert len(rooms.opened) == 2
            engine = rooms.clones[0].engine
            assert isinstance(engine, FakeEngine)
            assert engine.closed

    async def test_one_that_cannot_be_loaded_leaves_the_question_waiting(self, tmp_path: Path) -> None:
        """It is answered by the next one that can."""
        persona, rooms = persona_in(tmp_path), Rooms()
        file(persona.models_folder / "fine.gguf")
        app = app_on(tmp_path, rooms, persona)
        async with app.run_test(size=(100, 30)) as pilot:
            await awake(pilot)
            await send(pilot, "/set model gguf gone")
            await until(pilot, lambda: shown(app, ".state") == "failed to load the model")
            await send(pilot, "hi")
            assert lines(app) == ["hi"]
            await send(pilot, "/model")
            await until(pilot, lambda: isinstance(app.screen, ModelScreen))
            await pilot.press("end", "enter")
            await until(pilot, lambda: lines(app)[-1:] == ["I am models/fine.gguf"])

    async def test_the_settings_have_it_too(self, tmp_path: Path) -> None:
        """Even one that is gone from the list stays what it was."""
        persona, rooms = persona_in(tmp_path), Rooms()
        file(persona.models_folder / "fine.gguf")
        app = app_on(tmp_path, rooms, persona)
        async with app.run_test(size=(100, 30)) as pilot:
            screen = await awake(pilot)
            await pilot.press("f3")
            await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
            app.screen.query_one("#set-model", Select).value = "gguf models/fine.gguf"
            await pilot.press("f3")
            await until(pilot, lambda: rooms.models == [("gguf", "models/fine.gguf")])
            await until(pilot, lambda: screen.replies.clone is not None)
            (persona.models_folder / "fine.gguf").unlink()
            await pilot.press("f3")
            await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
            assert app.screen.query_one("#set-model", Select).value == "gguf models/fine.gguf"
