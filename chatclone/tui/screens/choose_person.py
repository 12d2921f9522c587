"""Two questions of an import: which of these people are you, and did somebody else agree to be cloned."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from chatclone.i18n.translate import tr, trn
from chatclone.safe_text import visible
from importers.message import Person

SHOWN = 500
"""People listed at once; the field narrows them."""


class WhoScreen(ModalScreen[Person | None]):
    """Lists who wrote and how much; nobody is chosen by Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "None of them", id="who.none"),
        Binding("down", "app.focus_next", "List", show=False, id="who.list"),
    ]

    def __init__(self, candidates: Sequence[tuple[Person, int]]) -> None:
        super().__init__()
        self._candidates = candidates

    def compose(self) -> ComposeResult:
        """Build the question, the field and the list."""
        with Vertical(id="who", classes="dialogue"):
            question = Content.assemble((tr("Which of them are you?"), "bold"), f"\n{tr('The export does not say.')}")
            yield Static(question)
            yield Input(placeholder=tr("part of a name"), id="narrow", compact=True)
            yield OptionList(id="people")
            yield Static(Content.assemble(("Esc", "bold $accent"), (f" {tr('none of them')}", "$foreground 60%")))

    def on_mount(self) -> None:
        """List everybody."""
        self._list("")
        self.query_one("#people").focus()

    @on(Input.Changed, "#narrow")
    def _narrowed(self, event: Input.Changed) -> None:
        self._list(event.value)

    @on(Input.Submitted, "#narrow")
    def _submitted(self) -> None:
        self.query_one("#people").focus()

    @on(OptionList.OptionSelected, "#people")
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._candidates[int(str(event.option_id))][0])

    def _list(self, part: str) -> None:
        people = self.query_one("#people", OptionList)
        people.clear_options()
        named = [
            (number, person, count)
            for number, (person, count) in enumerate(self._candidates)
            if part.casefold() in f"{person.name} {person.id}".casefold()
        ]
        people.add_options([Option(_shown(person, count), id=str(number)) for number, person, count in named[:SHOWN]])
        people.highlighted = 0 if named else None


def _shown(person: Person, count: int) -> Content:
    wrote = trn("{count:,} message", "{count:,} messages", count)
    return Content.assemble((visible(person.name), "bold"), (f"  {wrote}  {visible(person.id)}", "$foreground 60%"))


class AgreedScreen(ModalScreen[bool]):
    """Asks whether somebody agreed; anything but a clear yes is a no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "dismiss(False)", "No", id="agreed.no", show=False),
        Binding("y", "dismiss(True)", "Yes", id="agreed.yes", show=False),
    ]

    def __init__(self, person: Person, owner_known: bool) -> None:
        super().__init__()
        self._who = visible(person.name)
        self._owner_known = owner_known

    def compose(self) -> ComposeResult:
        """Build the question and the two answers."""
        about = tr("{name} may not be you: this export does not say.", name=self._who)
        if self._owner_known:
            about = tr("{name} is not the owner of this export.", name=self._who)
        with Vertical(id="agreed", classes="dialogue"):
            question = tr("Did they agree to be cloned? A yes is kept with the date.")
            yield Static(f"{about}\n\n{question}", markup=False)
            with Horizontal(classes="answers"):
                yield Button(f"{tr('No')} (n)", id="no", compact=True)
                yield Button(f"{tr('They agreed')} (y)", id="yes", variant="primary", compact=True)

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
