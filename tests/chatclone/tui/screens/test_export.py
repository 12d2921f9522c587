"""Exporting in the app: kinds, sizes and reasons, progress, stop, failure, and the parity report at the end."""

from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Select

from chatclone.errors import ChatcloneError
from chatclone.personas.persona import Persona
from chatclone.tui.screens.chat import ChatScreen
from chatclone.tui.services.export_sizes import shown_bytes, sizes_of
from tests.chatclone.tui.pages import SIZES, Rooms, app_on, offered, on_page, persona_in, text_of, until_shown


@pytest.fixture
def persona(tmp_path: Path) -> Persona:
    """A trained persona."""
    return persona_in(tmp_path, adapter="runs/1/adapter")


async def opened(pilot: Any) -> None:
    """Go to the page and wait until it knows the base."""
    await pilot.app.run_action("app.export")
    await on_page(pilot, "Export")
    await until_shown(pilot, lambda: offered(pilot.app) == ["go"])


async def test_from_a_choice_to_the_parity_report(tmp_path: Path, persona: Persona) -> None:
    """The reason of each choice first, then what is being done, what was written and how equal it answers."""
    rooms = Rooms()
    app = app_on(tmp_path, rooms, persona)
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        assert "a model this small saves nothing by quantising" in text_of(app)
        assert "about 16.0 MB" in text_of(app)
        app.screen.query_one("#quant", Select).value = "q8_0"
        await until_shown(pilot, lambda: "next to nothing is lost" in text_of(app))
        await pilot.press("enter")
        await until_shown(pilot, lambda: "converting the adapter …" in text_of(app))
        assert "adapter, q8_0: as asked" in text_of(app)
        assert offered(app) == ["back"]
        rooms.gate.set()
        await on_page(pilot, "Exported")
        assert rooms.exported == [("adapter", "q8_0")]
        text = text_of(app)
        assert "mira-lora-f16.gguf  (1.4 MB)" in text
        assert "token ids equal, next token agrees 99.87 %" in text
        await pilot.press("enter")
        await until_shown(pilot, lambda: isinstance(app.screen, ChatScreen))


async def test_esc_stops_it_and_another_goes_back(tmp_path: Path, persona: Persona) -> None:
    """What was written is removed by the export itself, which hears of it at its next step."""
    rooms = Rooms()
    app = app_on(tmp_path, rooms, persona)
    async with app.run_test() as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await until_shown(pilot, lambda: "converting the adapter" in text_of(app))
        await pilot.press("escape")
        rooms.gate.set()
        await until_shown(pilot, lambda: "Stopped; what was written is removed." in text_of(app))
        assert offered(app) == ["go"]
        await pilot.press("escape")
        await until_shown(pilot, lambda: isinstance(app.screen, ChatScreen))


async def test_a_failure_is_told_where_one_can_choose_again(tmp_path: Path, persona: Persona) -> None:
    """In two lines."""
    rooms = Rooms(failure=ChatcloneError("the export needs 9.1 GB and 2.0 GB is free", "free some space"))
    rooms.gate.set()
    app = app_on(tmp_path, rooms, persona)
    async with app.run_test() as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await until_shown(pilot, lambda: "error: the export needs 9.1 GB" in text_of(app))
        assert offered(app) == ["go"]


async def test_an_untrained_persona_is_told_what_to_do(tmp_path: Path) -> None:
    """By the export's own words."""
    app = app_on(tmp_path, Rooms(sizes=sizes_of), persona_in(tmp_path))
    async with app.run_test() as pilot:
        await app.run_action("app.export")
        await until_shown(pilot, lambda: "error: Mira has not been trained yet" in text_of(app))
        assert offered(app) == []


class TestSizes:
    """Figures before anything is written."""

    def test_a_persona_on_the_starter(self, tmp_path: Path) -> None:
        """The base is counted by the headers of its weights; the adapter by its file."""
        persona = persona_in(tmp_path, adapter="runs/1/adapter")
        adapter = persona.folder / "runs/1/adapter"
        adapter.mkdir(parents=True)
        (adapter / "adapter_model.safetensors").write_bytes(b"x" * 1234)
        sizes = sizes_of(persona)
        assert 1_000_000 < sizes.parameters < 100_000_000
        assert (sizes.adapter_bytes, sizes.quant) == (1234, "f16")

    def test_a_merged_export_has_no_adapter_beside_it(self) -> None:
        """And says what that costs."""
        rows = SIZES.rows("merged", "q4_k_m")
        assert rows[0][:2] == ("q4_k_m", "about 5.0 MB")
        assert rows[1][1] == "none"

    def test_sizes_as_people_read_them(self) -> None:
        """Megabytes, then gigabytes."""
        assert [shown_bytes(n) for n in (1_400_000, 2_500_000_000)] == ["1.4 MB", "2.5 GB"]
