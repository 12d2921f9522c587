"""The first screen while there is no persona, and the menu once there is one: where one can go from here."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from chatclone.i18n.translate import tr
from chatclone.personas.persona import Persona
from chatclone.safe_text import visible
from chatclone.tui.services.journey import Journey
from chatclone.tui.services.menu import Place, places_for


def _introduction() -> Content:
    quiet = [
        tr("It learns from your chats how you write, and what was said."),
        tr("Nothing you import leaves this computer."),
    ]
    return Content.assemble(
        ("chatclone", "bold $accent"),
        f"\n{tr('Talk to a copy of yourself that runs on your own computer.')}\n",
        ("\n".join(quiet), "$foreground 60%"),
    )


class WelcomeScreen(Screen[None]):
    """Says what this is, and lists the places that are open."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "Back", id="menu.back")]

    def __init__(self, journey: Journey) -> None:
        super().__init__()
        self._journey = journey

    def compose(self) -> ComposeResult:
        """Build the page."""
        with Vertical(id="welcome"):
            yield Static(_introduction())
            yield OptionList(id="places")
            yield Static(id="where", markup=False)

    def on_mount(self) -> None:
        """List the places."""
        self._list()

    def on_screen_resume(self) -> None:
        """List them again, as there may be more by now; a screen that is on its way out has no list."""
        if self.query("#places"):
            self._list()

    def _list(self) -> None:
        persona = self._journey.refresh()
        places = self.query_one("#places", OptionList)
        chosen = places.highlighted or 0
        places.clear_options()
        places.add_options([Option(_shown(place, persona), id=place.action) for place in places_for(persona)])
        places.highlighted = min(chosen, places.option_count - 1)
        places.focus()
        self.query_one("#where", Static).update(_state(persona))

    @on(OptionList.OptionSelected, "#places")
    async def _chosen(self, event: OptionList.OptionSelected) -> None:
        await self.run_action(str(event.option_id))

    def action_back(self) -> None:
        """Go back to the chat, where there is one below."""
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()


def _shown(place: Place, persona: Persona | None) -> Content:
    name = visible(persona.name) if persona else ""
    title, about = (tr(text, name=name) for text in (place.title, place.about))
    return Content.assemble((title, "bold"), "\n", (about, "$foreground 60%"))


def _state(persona: Persona | None) -> str:
    """Return in a line how far one is."""
    if persona is None:
        return tr("Enter goes there. F1 shows keys, Ctrl+Q quits.")
    if persona.adapter:
        return visible(tr("{name} is trained.", name=persona.name))
    return visible(tr("{name} is imported, and not trained yet.", name=persona.name))
